import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openStore, type Store } from '#lib/node/store/store';
import type { AppliedRecord } from '#lib/node/store/use-note';
import { parseDigest } from '#lib/registry/digest';
import { openPolicy } from '#test/support/cri/pulling-node';
import { artifactOf, from } from '#test/support/stored-artifacts';
import { type NodeStatusDependencies, nodeProfiles } from './node-status.ts';

const artifact = artifactOf('x');
const { digest } = artifact.descriptor;
const record = (time: string, signer: string, kind = 'Seccomp'): AppliedRecord => ({
  ...{ time, kind, reference: `registry.example.com/a@${digest}`, rule: '**', signers: [signer] },
  ...{ installed: '/state/effective/x.json', constrained: {} },
});

describe('nodeProfiles', () => {
  let directory: string;
  let store: Store;
  const profile = async () => {
    const { profiles } = await nodeProfiles({
      policy: { current: openPolicy(), problem: undefined },
      store,
    });
    assert.equal(profiles.length, 1);
    return profiles[0];
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-status-'));
    store = await openStore(directory);
    await store.put(from(artifact));
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('has the signers as they were verified last, of the profile of this kind', async () => {
    await store.uses.put('c1', { artifacts: [digest], applied: [record('2026-01-02T00:00:00Z', 'key new.pub')] });
    await store.uses.put('c2', { artifacts: [digest], applied: [record('2026-01-01T00:00:00Z', 'key old.pub')] });
    const other = record('2026-01-03T00:00:00Z', 'key other.pub', 'AppArmor');
    await store.uses.put('c3', { artifacts: [digest], applied: [other] });
    const found = await profile();
    assert.deepEqual(found?.signers, ['key new.pub']);
    assert.deepEqual(found?.containers.toSorted(), ['c1', 'c2', 'c3']);
  });

  it('has no signers without a container, or without a record', async () => {
    assert.deepEqual([(await profile())?.signers, (await profile())?.containers], [undefined, []]);
    await store.uses.put('c1', { artifacts: [digest] });
    assert.deepEqual([(await profile())?.signers, (await profile())?.containers], [undefined, ['c1']]);
  });
});

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
