import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type NodeReport, overallState, type ProfileFacts, profileStates } from './profile-state.ts';

const installed: ProfileFacts = {
  isDeleted: false,
  isDisabled: false,
  isPartial: false,
  reports: [
    { node: 'a', state: 'Installed' },
    { node: 'b', state: 'Installed' },
  ],
  workloads: [],
  keptBy: [],
};
const of = (facts: Partial<ProfileFacts>) => overallState({ ...installed, ...facts });

describe('overallState', () => {
  it('is ready if all nodes have installed the profile', () => {
    assert.deepEqual(of({}), { state: 'Installed', ready: true, reason: 'Available', message: 'installed on 2 nodes' });
  });

  it('is the least good state of any node, and names the nodes', () => {
    for (const [index, state] of profileStates.entries()) {
      if (state === 'Installed') continue;
      const reports: NodeReport[] = profileStates.slice(index).map((each, at) => ({ node: `n${at}`, state: each }));
      const { ready, message, ...overall } = of({ reports });
      assert.equal(overall.state, state);
      assert.equal(ready, false);
      assert.equal(message, `${state} on 1 of ${reports.length} nodes: n0`);
    }
    const many = Array.from({ length: 8 }, (_, at): NodeReport => ({ node: `n${at}`, state: 'Error' }));
    assert.equal(of({ reports: many }).message, 'Error on 8 of 8 nodes: n0, n1, n2, n3, n4 and 3 more');
  });

  it('is an error with its reason if the profile cannot be installed, whatever nodes report', () => {
    const problem = { reason: 'ProfileNotAllowed', message: 'spec.syscalls[0]: ptrace is not allowed' };
    assert.deepEqual(of({ problem }), { state: 'Error', ready: false, ...problem });
  });

  it('names the pods that a deleted profile waits for', () => {
    assert.deepEqual(of({ isDeleted: true, workloads: ['web/b', 'web/a'] }), {
      state: 'Terminating',
      ready: false,
      reason: 'Deleting',
      message: 'waiting for 2 pods to end, which use the profile: web/a, web/b',
    });
    assert.match(of({ isDeleted: true, problem: { reason: 'X', message: 'x' } }).message, /removed from the nodes/);
  });

  it('names the finalizers of others that keep a deleted profile', () => {
    const { message } = of({ isDeleted: true, keptBy: ['example.com/b', 'example.com/a'] });
    assert.equal(message, 'waiting for other programs to remove their finalizers: example.com/a, example.com/b');
  });

  it('is not ready while disabled, partial, or reported by no node', () => {
    assert.equal(of({ isDisabled: true }).state, 'Disabled');
    assert.equal(of({ isPartial: true }).state, 'Partial');
    const unreported = of({ reports: [] });
    assert.equal(unreported.state, 'Pending');
    assert.equal(unreported.ready, false);
    assert.match(unreported.message, /^no node reports/);
  });
});
