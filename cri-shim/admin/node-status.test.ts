import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseDigest } from '#lib/registry/digest';
import { type NodeStatusDependencies, nodeProfiles } from './node-status.ts';

const digestOf = (index: number) => parseDigest(`sha256:${index.toString(16).padStart(64, '0')}`);

/** A node with artifacts, of which each was applied to a container. */
function nodeWith(count: number): Pick<NodeStatusDependencies, 'policy' | 'store'> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const stored = indexes.map((index) => ({
    descriptor: { mediaType: 'a/b', digest: digestOf(index), size: 1 },
    kind: 'Seccomp',
    pulls: [{ repository: 'registry.example.com/team/x', names: [], callers: [], signatures: [], pulledAt: '' }],
  }));
  const applied = (index: number) => ({
    ...{ time: '2026-01-01T00:00:00Z', kind: 'Seccomp', rule: '**', signers: [`signer ${index}`] },
    ...{ reference: `registry.example.com/team/x@${digestOf(index)}`, installed: '/x.json', constrained: {} },
  });
  const uses = new Map(
    indexes.map((index) => [`c${index}`, { artifacts: [digestOf(index)], applied: [applied(index)] }]),
  );
  return {
    policy: { current: { rules: [{ match: '**', unsigned: true, require: [] }] } },
    store: {
      list: async () => stored,
      uses: { list: async () => uses },
      sizeOf: async () => 1,
      lastUse: () => new Date(0),
    },
  } as unknown as NodeStatusDependencies;
}

it('the list of artifacts names signers and containers of each', async () => {
  const { profiles } = await nodeProfiles(nodeWith(3));
  assert.deepEqual(
    profiles.map(({ signers, containers, rule }) => [signers, containers, rule]),
    [0, 1, 2].map((index) => [[`signer ${index}`], [`c${index}`], '**']),
  );
});

it('the list of thousands of artifacts lets the shim answer calls meanwhile', async () => {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    turn = setImmediate(count);
  };
  let turn = setImmediate(count);
  const { profiles } = await nodeProfiles(nodeWith(2000));
  clearImmediate(turn);
  assert.equal(profiles.length, 2000);
  assert.ok(turns > 20, `${turns} turns`);
});
