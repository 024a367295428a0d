import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { digestAlgorithms, digestOf } from '#lib/registry/digest';
import { artifactOf, from } from '#test/support/stored-artifacts';
import { heldArtifacts } from './held-artifacts.ts';
import { nodeCaller } from './pull-note.ts';
import { openStore, type Store } from './store.ts';
import { parseRecord, renderRecord } from './stored-artifact.ts';

const artifact = artifactOf('profile');
const { digest, size } = artifact.descriptor;
const a = 'localhost:5000/a';

describe('the artifacts that a store holds', () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-held-'));
    store = await openStore(directory);
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  const reopen = async () => {
    await store.close();
    store = await openStore(directory, { log: assert.fail });
  };

  it('have every reference by which they were pulled, also without content from a registry', async () => {
    await store.put({ ...from(artifact), name: 'LOCALHOST:5000/a' });
    await store.note(digest, { repository: a, name: a, caller: 'x' });
    await store.note(digest, { repository: 'localhost:5000/b', caller: 'y' });
    await reopen();
    const references = ['LOCALHOST:5000/a', a, 'localhost:5000/b'].map((name) => `${name}@${digest}`);
    assert.deepEqual(await heldArtifacts(store), [{ digest, size, kind: 'Seccomp', references, records: [digest] }]);
    const [first, second] = store.get(digest)?.pulls ?? [];
    assert.deepEqual([first?.callers, second?.callers], [['x'], ['y']]);
    assert.equal(first?.signatures.length, 3, 'a note keeps the signatures');
    assert.deepEqual(second?.signatures, []);
  });

  it('are each one manifest, by whichever algorithm it was pulled', async () => {
    for (const algorithm of digestAlgorithms) {
      const descriptor = { ...artifact.descriptor, digest: digestOf(artifact.manifestBytes, algorithm) };
      await store.put(from({ ...artifact, descriptor }));
    }
    await reopen();
    const [held, ...others] = await heldArtifacts(store);
    assert.deepEqual([held?.digest, others], [digest, []]);
    assert.deepEqual(
      held?.references.map((reference) => /@(\w+):/.exec(reference)?.[1]).toSorted(),
      digestAlgorithms.toSorted(),
    );
  });

  it('of an older release, whose records name no callers, are pulled by the node', async () => {
    const stored = await store.put({ ...from(artifact), caller: 'x' });
    const record = JSON.parse(Buffer.from(renderRecord(stored)).toString());
    for (const pull of record.pulls) delete pull.callers;
    const { pulls } = parseRecord(Buffer.from(JSON.stringify(record)));
    assert.deepEqual(
      pulls.map(({ callers }) => callers),
      [[nodeCaller]],
    );
  });

  it('of a newer release are read after a roll back, without what this one does not know', async () => {
    const rendered = renderRecord(await store.put(from(artifact)));
    const record = JSON.parse(Buffer.from(rendered).toString());
    for (const object of [record, ...record.pulls]) object.addedLater = true;
    assert.deepEqual(parseRecord(Buffer.from(JSON.stringify(record))), parseRecord(rendered));
  });

  it('have a bounded number of spellings and callers in their records', async () => {
    await store.put(from(artifact));
    for (let number = 0; number < 100; number++) {
      await store.note(digest, { repository: a, name: `localhost:5000/${number}`, caller: String(number) });
    }
    const [pull] = store.get(digest)?.pulls ?? [];
    assert.deepEqual([pull?.names.length, pull?.callers.length, pull?.callers.at(-1)], [8, 64, '99']);
  });

  it('are not noted if they are not there', async () => {
    await store.note(digest, { repository: a });
    assert.deepEqual(await store.list(), []);
  });
});
