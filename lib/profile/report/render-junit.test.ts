import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { findPeer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { renderJunit } from './render-junit.ts';
import type { Report, ReportEntry } from './report.ts';

const schema = fileURLToPath(new URL('../../../test/support/junit.xsd', import.meta.url));
const place = { line: 4, column: 5, endColumn: 9, pointer: '/syscalls/0/names/1' };
const finding: ReportEntry = { rule: 'unknown-syscall', level: 'warning', message: 'no syscall', place };
const note: ReportEntry = { rule: 'tightened', level: 'note', subject: 'mount', message: 'a -> b' };

/** Validates reports against the schema, and returns the value of an XPath in each. */
function xpath(reports: readonly Report[], path: string): readonly string[] {
  const xmllint = findPeer('xmllint') ?? '';
  const options = { encoding: 'utf8', stdio: 'pipe' } as const;
  return reports.map((report) => {
    const input = renderJunit(report);
    execFileSync(xmllint, ['--noout', '--nonet', '--schema', schema, '-'], { ...options, input });
    return execFileSync(xmllint, ['--nonet', '--xpath', path, '-'], { ...options, input }).replace(/\n$/, '');
  });
}

const file = (entries: readonly ReportEntry[]) => ({ name: 'p.json', path: 'profiles/p.json', entries });

describePeers(['xmllint'], 'JUnit', () => {
  it('has a suite for each file, and a case for each entry, of which notes pass', () => {
    const report: Report = {
      command: 'lint',
      files: [
        file([finding, note]),
        { name: 'stdin', entries: [] },
        { name: 'x.json', entries: [], unread: 'cannot read x.json' },
      ],
    };
    assert.equal(
      renderJunit(report),
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="fairlead lint" tests="4" failures="1" errors="1">
  <testsuite name="profiles/p.json" tests="2" failures="1" errors="0">
    <testcase name="unknown-syscall" classname="profiles/p.json" file="profiles/p.json">
      <failure message="no syscall" type="unknown-syscall">profiles/p.json:4:5: warning: no syscall</failure>
    </testcase>
    <testcase name="tightened mount" classname="profiles/p.json" file="profiles/p.json">
      <system-out>profiles/p.json: note: a -&gt; b</system-out>
    </testcase>
  </testsuite>
  <testsuite name="stdin" tests="1" failures="0" errors="0">
    <testcase name="lint" classname="stdin"/>
  </testsuite>
  <testsuite name="x.json" tests="1" failures="0" errors="1">
    <testcase name="file" classname="x.json">
      <error message="cannot read x.json" type="unreadable"/>
    </testcase>
  </testsuite>
</testsuites>
`,
    );
    assert.deepEqual(xpath([report], 'string(/testsuites/@tests)'), ['4']);
    assert.deepEqual(xpath([{ command: 'lint', files: [] }], 'string(/testsuites/@tests)'), ['0']);
  });

  it('holds every text, with escapes for what XML cannot hold', () => {
    const hostile = [
      'a\u0000b',
      '\u001b[31m',
      '<![CDATA[x]]>',
      '"><failure/>',
      '\ufffe\uffff',
      '\ud800',
      'a\nb\tc',
      'x\u202ey\u2028',
    ];
    const reports = hostile.map((message): Report => ({ command: 'diff', files: [file([{ ...finding, message }])] }));
    assert.deepEqual(xpath(reports, 'string(//failure/@message)'), [
      ...['a\\u{0}b', '\\u{1b}[31m', '<![CDATA[x]]>', '"><failure/>', '\\u{fffe}\\u{ffff}', '\ufffd', 'a\nb\tc'],
      'x\\u{202e}y\\u{2028}',
    ]);
    assert.deepEqual(xpath(reports.slice(6, 7), 'string(//failure)'), ['profiles/p.json:4:5: warning: a\nb\tc']);
  });

  it('is well-formed and valid whatever names and messages hold', () => {
    const text = fc.string({ unit: 'binary' });
    const entry = fc.record({ subject: text, message: text }).map((texts): ReportEntry => ({ ...finding, ...texts }));
    const files = fc.sample(fc.tuple(text, fc.array(entry)), { numRuns: 400, seed: 7 });
    const report: Report = { command: 'diff', files: files.map(([name, entries]) => ({ name, path: name, entries })) };
    assert.deepEqual(xpath([report], 'count(//testsuite)'), ['400']);
  });
});
