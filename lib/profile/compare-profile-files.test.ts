import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { type ComparedProfile, compareProfileFiles, type ProfileFile } from './compare-profile-files.ts';
import { describeOutcomes, renderComparisonMarkdown, renderComparisonText } from './render-comparison.ts';

const allowing = (...names: string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });
const resource = (member: string): string => `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: app}
spec: {defaultAction: SCMP_ACT_ERRNO, syscalls: [{names: [read], action: SCMP_ACT_ALLOW, ${member}}]}
`;
const files = (contents: Readonly<Record<string, string | FairleadError>>, isNamed = false): ProfileFile[] =>
  Object.entries(contents).map(([name, content]) => ({
    name,
    file: `profiles/${name}`,
    content: typeof content === 'string' ? Buffer.from(content) : content,
    ...(isNamed && { isNamed }),
  }));
const options = {
  nativeArchitecture: 'SCMP_ARCH_X86_64',
  host: { architecture: 'amd64', kernel: '6.1', capabilities: [] },
} as const;
const compare = (before: Record<string, string | FairleadError>, after: Record<string, string | FairleadError>) =>
  compareProfileFiles(files(before), files(after), options);
const outcomes = ({ profiles }: { profiles: readonly ComparedProfile[] }) =>
  profiles.map(({ name, change, loosened }) => `${name} ${change}${loosened ? ' loosened' : ''}`);

it('pairs profiles by name, and moved ones by content or file name', () => {
  const base = {
    'a.json': allowing('read'),
    'b.json': allowing('write'),
    'c.json': allowing('close'),
    'd.json': allowing('brk'),
  };
  const found = compare(base, {
    'a.json': allowing('read', 'mount'),
    'x.json': allowing('write'), // the content of b.json
    'sub/c.json': allowing('close', 'ptrace'), // the name of c.json
    'e.json': allowing('fork'),
  });
  assert.deepEqual(outcomes(found), [
    'a.json changed loosened',
    'sub/c.json renamed loosened',
    'd.json deleted',
    'e.json new',
    'x.json renamed',
  ]);
  assert.deepEqual(
    found.profiles.find(({ name }) => name === 'sub/c.json')?.diff?.changes.map(({ subject }) => subject),
    ['ptrace'],
  );
  assert.equal(describeOutcomes(found), '2 loosened, 1 renamed, 1 new, 1 deleted, 0 unchanged');
});

it('does not pair what could be moved from several files', () => {
  const found = compare(
    { 'a/x.json': allowing('read'), 'b/x.json': allowing('write') },
    { 'c/x.json': allowing('mount') },
  );
  assert.deepEqual(outcomes(found), ['a/x.json deleted', 'b/x.json deleted', 'c/x.json new']);
});

it('counts profiles with the same bytes, and ignores what holds no profile', () => {
  const found = compare(
    { 'same.json': allowing('read'), 'tsconfig.json': '{}', 'package.json': '{"name": "x"}', 'gone.yaml': 'a: 1' },
    {
      'same.json': allowing('read'),
      'tsconfig.json': '{}',
      'package.json': '{"name": "y"}',
      'deployment.yaml': 'kind: Deployment\napiVersion: apps/v1',
    },
  );
  assert.deepEqual([found.profiles, found.unchanged], [[], 1]);
  assert.deepEqual(found.ignored, ['profiles/deployment.yaml', 'profiles/gone.yaml', 'profiles/package.json']);
});

it('counts what cannot be compared as loosened', () => {
  const appArmor = JSON.stringify({ filesystem: { readOnlyPaths: ['/etc/**'] } });
  const found = compare(
    { 'broken.json': '{"defaultAction": 1}', 'kind.json': allowing('read'), 'not.json': '{}' },
    { 'broken.json': allowing('read'), 'kind.json': appArmor, 'not.json': allowing('read') },
  );
  assert.deepEqual(outcomes(found), ['broken.json changed loosened', 'kind.json changed loosened', 'not.json new']);
  assert.match(
    renderComparisonText(found),
    /kind\.json: loosened\n {2}It cannot be compared, and is treated as loosened: the old profile is of kind Seccomp\.\n/,
  );
});

for (const [title, content, message] of [
  ['is not valid', '{"defaultAction": 1}', /defaultAction/],
  ['is not JSON', '{', /profiles\/a\.json:1:/],
  ['is empty', '', /the file is empty/],
  ['holds no profile any more', '{}', /not a known profile format/],
  ['has a misspelled member', resource('agrs: []'), /did you mean "args"/],
  ['cannot be read', new FairleadError('InvalidInput', 'cannot read profiles/a.json'), /cannot read/],
] as const) {
  it(`reports a profile as invalid whose new file ${title}`, () => {
    const found = compare(
      { 'a.json': allowing('read'), 'b.json': allowing('read') },
      { 'a.json': content, 'b.json': allowing('read', 'mount') },
    );
    assert.deepEqual(outcomes(found), ['a.json invalid', 'b.json changed loosened']);
    assert.match(found.profiles[0]?.error?.message ?? '', message);
  });
}

it('reports a named file that holds no profile, and a new file that cannot be read as JSON', () => {
  assert.deepEqual(outcomes(compareProfileFiles([], files({ 'a.json': '{}' }, true), options)), ['a.json invalid']);
  assert.deepEqual(outcomes(compare({}, { 'a.json': '{' })), ['a.json invalid']);
});

it('refuses a pair that the caller cannot judge, and reads the others', () => {
  const refuse = (_: unknown, [from]: readonly [string, string]): void => {
    if (from === 'profiles/a.json') throw new FairleadError('InvalidInput', 'depends on the container');
  };
  const found = compareProfileFiles(
    files({ 'a.json': allowing('read'), 'b.json': allowing('read') }),
    files({ 'a.json': allowing('write'), 'b.json': allowing('write') }),
    { ...options, refuse },
  );
  assert.deepEqual(outcomes(found), ['a.json invalid', 'b.json changed loosened']);
});

it('writes Markdown that is short enough for a comment, with the loosened profiles first', () => {
  const many = (suffix: string) =>
    Object.fromEntries(
      Array.from({ length: 3000 }, (_, at) => [
        `p${String(at).padStart(4, '0')}.json`,
        allowing('read', ...(at === 2900 ? ['mount'] : []), ...(suffix === '' ? ['write'] : [])),
      ]),
    );
  const markdown = renderComparisonMarkdown(
    compare({ ...many(''), 'p2900.json': allowing('read', 'write') }, many('tightened')),
  );
  assert.ok(Buffer.byteLength(markdown) <= 60_100, String(Buffer.byteLength(markdown)));
  assert.match(
    markdown,
    /^\*\*1 loosened, 2999 tightened, 0 unchanged\*\*\n\n## `p2900\.json`: loosened\n\n### Loosened\n/,
  );
  assert.match(markdown, /\n\n[0-9]+ more profiles differ\.\n$/);
});

it('shows names and messages in Markdown as code', () => {
  const name = 'a`|<b>\n@x.json';
  const markdown = renderComparisonMarkdown(compare({}, { [name]: '{' }));
  assert.match(markdown, /^## `a {2}<b> @x\.json`: invalid\n\n`profiles\/a/m);
});
