import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ReportEntry } from '#lib/profile/report/report';
import { githubAnnotations } from './github-annotations.ts';

const warning: ReportEntry = { rule: 'unknown-syscall', level: 'warning', message: 'no syscall' };
const at = (line: number, pointer: string) => ({ line, column: 5, endColumn: 9, pointer });

function annotations(path: string | undefined, ...entries: readonly ReportEntry[]): readonly string[] {
  const file = { name: path ?? 'stdin', ...(path !== undefined && { path }), entries };
  return githubAnnotations({ files: [file] })
    .trimEnd()
    .split('\n');
}

/** Reads a workflow command as the runner does (ActionCommand.TryParseV2). */
function parsed(line: string) {
  const [, command = '', written = '', data = ''] = /^::([a-z]+) (.*?)::(.*)$/s.exec(line) ?? [];
  const decoded = (text: string) => text.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%');
  const properties = written.split(',').map((property) => {
    const [name = '', value = ''] = property.split(/=(.*)/s);
    return [name, decoded(value.replaceAll('%3A', ':').replaceAll('%2C', ','))] as const;
  });
  return { command, properties: Object.fromEntries(properties), message: decoded(data) };
}

describe('annotations for GitHub', () => {
  it('name the file, the place, the rule and the message', () => {
    assert.deepEqual(annotations('profiles/nginx.json', { ...warning, place: at(12, '/syscalls/0/names/1') }), [
      '::warning file=profiles/nginx.json,line=12,col=5,endColumn=9,title=unknown-syscall::no syscall',
    ]);
    assert.deepEqual(annotations('p.json', { ...warning, level: 'note' }, { ...warning, level: 'error' }), [
      '::notice file=p.json,line=1,title=unknown-syscall::no syscall',
      '::error file=p.json,line=1,title=unknown-syscall::no syscall',
    ]);
  });

  it('name stdin in the message, since it is not a file of the repository', () => {
    assert.deepEqual(annotations(undefined, warning), ['::warning title=unknown-syscall::stdin: no syscall']);
  });

  it('report a file that cannot be read', () => {
    const text = githubAnnotations({
      files: [{ name: 'p.json', path: 'p.json', entries: [], unread: 'cannot read p.json' }],
    });
    assert.equal(text, '::error file=p.json,line=1,title=unreadable::cannot read p.json\n');
  });

  it('are one for changes that are alike and in one list', () => {
    const loosened = (subject: string, line: number, pointer: string): ReportEntry => ({
      ...{ rule: 'loosened', level: 'warning', subject, message: 'ERRNO -> ALLOW' },
      place: at(line, pointer),
    });
    assert.deepEqual(
      annotations(
        'p.json',
        loosened('bpf', 3, '/syscalls/0/names/0'),
        loosened('mount', 4, '/syscalls/0/names/1'),
        loosened('clone', 9, '/syscalls/1/names/0'),
      ).map((line) => line.replace(/col=.*title/, '')),
      [
        '::warning file=p.json,line=3,=loosened::bpf, mount: ERRNO -> ALLOW',
        '::warning file=p.json,line=9,=loosened::clone: ERRNO -> ALLOW',
      ],
    );
    const many = Array.from({ length: 25 }, (_, index) =>
      loosened(`call${index}`, index, `/syscalls/0/names/${index}`),
    );
    assert.match(annotations('p.json', ...many).join('\n'), /^[^\n]*call19 and 5 more: ERRNO -> ALLOW$/);
  });

  it('hold no command but ours, and exactly one for each line, whatever names hold', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\n::error::x',
        '::set-output name=a::b',
        '##[error]x',
        '%0A::error::x',
        'a,line=1::b',
        '\u2028::x',
      ),
    );
    const property = fc.property(hostile, hostile, hostile, (path, subject, message) => {
      const entry: ReportEntry = { rule: 'loosened', level: 'warning', subject, message, place: at(2, '/a/0') };
      const lines = annotations(`d/${path}`, entry);
      assert.equal(lines.length, 1);
      const [line = ''] = lines;
      assert.doesNotMatch(line, /\r|[\n\r\u2028\u2029]\s*::/);
      assert.doesNotMatch(line.slice(2), /##[a-z]*\[/i);
      const { command, properties } = parsed(line);
      assert.equal(command, 'warning');
      assert.deepEqual(Object.keys(properties), ['file', 'line', 'col', 'endColumn', 'title']);
      assert.deepEqual([properties['line'], properties['title']], ['2', 'loosened']);
    });
    fc.assert(property, { numRuns: 2_000 });
    const { properties, message } = parsed(
      annotations('50%,a:b.json', { ...warning, message: 'a: 100%,\nb' })[0] ?? '',
    );
    assert.deepEqual([properties['file'], message], ['50%,a:b.json', 'a: 100%,\nb']);
  });
});
