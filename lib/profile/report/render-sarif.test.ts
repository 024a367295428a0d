import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sarifRun } from '#test/support/sarif-schema';
import { renderSarif } from './render-sarif.ts';
import type { Report, ReportEntry } from './report.ts';

const runOf = (report: Report) => sarifRun(renderSarif(report, '1.2.3'));

const place = { line: 4, column: 5, endColumn: 9, pointer: '/syscalls/0/names/1' };
const finding: ReportEntry = { rule: 'unknown-syscall', level: 'warning', message: 'no syscall', place };

describe('SARIF', () => {
  it('has the rules, places and levels of findings', () => {
    const whole: ReportEntry = { rule: 'allow-everything', level: 'note', message: 'nothing is denied' };
    const run = runOf({
      command: 'lint',
      files: [{ name: 'a b.json', path: 'profiles/a b.json', entries: [finding, whole] }],
    });
    assert.deepEqual(
      run.tool.driver.rules.map(({ id, helpUri }: { id: string; helpUri: string }) => [id, helpUri]),
      ['allow-everything', 'unknown-syscall'].map((id) => [id, `https://fairlead.dev/findings/${id}`]),
    );
    // Code scanning of GitHub requires all of these.
    for (const rule of run.tool.driver.rules) {
      for (const part of ['shortDescription', 'fullDescription', 'help']) assert.match(rule[part].text, /^[A-Z].*\.$/);
    }
    assert.deepEqual([run.tool.driver.name, run.tool.driver.version], ['Fairlead', '1.2.3']);
    assert.deepEqual(run.invocations, [{ executionSuccessful: true }]);
    const artifactLocation = { uri: 'profiles/a%20b.json', uriBaseId: '%SRCROOT%' };
    assert.deepEqual(run.results[0], {
      ruleId: 'unknown-syscall',
      ruleIndex: 1,
      level: 'warning',
      message: { text: 'no syscall' },
      locations: [
        {
          physicalLocation: { artifactLocation, region: { startLine: 4, startColumn: 5, endColumn: 9 } },
          logicalLocations: [{ fullyQualifiedName: '/syscalls/0/names/1', kind: 'member' }],
        },
      ],
      partialFingerprints: { 'fairlead/v1': 'unknown-syscall no syscall 1' },
    });
    assert.deepEqual(run.results[1].locations, [{ physicalLocation: { artifactLocation, region: { startLine: 1 } } }]);
  });

  it('relates changes to the old profile', () => {
    const change = (rule: string): ReportEntry => ({ rule, level: 'note', subject: 'mount', message: 'a -> b' });
    const rules = ['loosened', 'tightened', 'changed', 'new-profile', 'deleted-profile'];
    const { results } = runOf({
      command: 'diff',
      files: [{ name: 'p.json', path: 'p.json', entries: rules.map(change) }],
    });
    assert.deepEqual(
      results.map((result: { baselineState: string; message: { text: string } }) => result.baselineState),
      ['new', 'updated', 'updated', 'new', 'absent'],
    );
    assert.equal(results[0].message.text, 'mount: a -> b');
  });

  it('has fingerprints that differ in one file, and do not depend on lines', () => {
    const moved = { ...finding, place: { ...place, line: 40 } };
    const fingerprints = (...entries: readonly ReportEntry[]) =>
      runOf({ command: 'lint', files: [{ name: 'p', path: 'p', entries }] }).results.map(
        (result: { partialFingerprints: Record<string, string> }) => result.partialFingerprints['fairlead/v1'],
      );
    assert.deepEqual(fingerprints(finding), fingerprints(moved));
    assert.equal(new Set(fingerprints(finding, moved, { ...finding, message: 'other' })).size, 3);
  });

  it('reports a file that could not be read as a notification', () => {
    const run = runOf({
      command: 'lint',
      files: [{ name: 'p.json', path: 'p.json', entries: [], unread: 'cannot read' }],
    });
    assert.deepEqual(run.results, []);
    assert.equal(run.invocations[0].executionSuccessful, false);
    assert.equal(run.invocations[0].toolExecutionNotifications[0].message.text, 'cannot read');
  });

  it('is valid whatever names and messages hold', () => {
    const text = fc.string({ unit: 'binary' });
    const property = fc.property(text, text, text, fc.boolean(), (name, subject, message, isIn) => {
      const { artifacts, results } = runOf({
        command: 'diff',
        files: [{ name, ...(isIn && { path: name }), entries: [{ ...finding, subject, message }] }],
      });
      assert.equal(decodeURIComponent(artifacts[0].location.uri), name.toWellFormed());
      assert.equal(results.length, 1);
    });
    fc.assert(property, { numRuns: 500 });
  });
});
