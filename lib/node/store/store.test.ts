import assert from 'node:assert/strict';
import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import type { Digest } from '#lib/registry/digest';
import { artifactOf, attested, from, legacy, limits, signature } from '#test/support/stored-artifacts';
import { openStore } from './store.ts';

describe('store', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-store-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('gives back after a restart what was put in, with signatures of every repository', async () => {
    const artifact = artifactOf('profile');
    const first = await openStore(directory);
    await first.put(from(artifact));
    await first.put(from(artifact, 'localhost:5000/b'));
    await first.put(from(artifact, 'localhost:5000/b'));
    await first.close();
    const second = await openStore(directory, { log: assert.fail });
    const record = second.get(artifact.descriptor.digest);
    assert.deepEqual(
      record?.pulls.map(({ repository }) => repository),
      ['localhost:5000/a', 'localhost:5000/b'],
    );
    const [bundle, old, attestation] = record?.pulls[0]?.signatures ?? [];
    assert.ok(bundle?.format === 'bundle' && Buffer.from(bundle.bundle).equals(signature.bundle));
    assert.deepEqual(bundle.message && Buffer.from(bundle.message), signature.message);
    assert.ok(old?.format === 'legacy' && Buffer.from(old.payload).equals(legacy.payload));
    assert.deepEqual(old.annotations, legacy.annotations);
    assert.ok(attestation?.format === 'legacy-attestation');
    assert.deepEqual(
      [Buffer.from(attestation.envelope), attestation.annotations],
      [attested.envelope, attested.annotations],
    );
    const read = await fetchArtifact(second.fetcher, artifact.descriptor, limits);
    assert.deepEqual(Buffer.from(read.manifestBytes), Buffer.from(artifact.manifestBytes));
    assert.equal((await stat(join(directory, 'blobs'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, 'artifacts'))).mode & 0o777, 0o700);
    assert.equal((await stat(join(directory, 'effective'))).mode & 0o777, 0o700);
    await second.close();
  });

  it('remembers of the repositories of an artifact the latest few', async () => {
    const artifact = artifactOf('profile');
    const store = await openStore(directory);
    for (let index = 0; index < 40; index++) await store.put(from(artifact, `localhost:5000/${index}`));
    assert.deepEqual(
      store.get(artifact.descriptor.digest)?.pulls.map(({ repository }) => repository),
      Array.from({ length: 32 }, (_, index) => `localhost:5000/${index + 8}`),
    );
    await store.close();
  });

  it('refuses a directory that is in use, and takes it when it is free again', async () => {
    const first = await openStore(directory);
    await assert.rejects(openStore(directory), { kind: 'Conflict' });
    await first.close();
    await (await openStore(directory)).close();
  });

  it('frees the blobs of what is removed, but for those that others need', async () => {
    const store = await openStore(directory);
    const blobs = () => readdir(join(directory, 'blobs', 'sha256'));
    const [kept, gone] = [artifactOf('kept'), artifactOf('gone')];
    await store.put(from(kept));
    const before = (await blobs()).sort();
    await store.put(from(gone));
    assert.equal((await blobs()).length, before.length + 2, 'their config is the same blob');
    await store.remove(gone.descriptor.digest);
    assert.deepEqual((await blobs()).sort(), before);
    await store.close();
    const reopened = await openStore(directory, { log: assert.fail });
    await reopened.check();
    await reopened.remove(kept.descriptor.digest);
    assert.deepEqual(await blobs(), []);
    await reopened.close();
  });

  it('keeps every artifact whole while others that share its blobs come and go', async () => {
    const store = await openStore(directory);
    const artifacts = ['a', 'b', 'c'].map(artifactOf);
    const changes = Array.from({ length: 60 }, (_, turn) => {
      const artifact = artifacts[turn % 3] ?? assert.fail();
      return turn % 5 === 4 ? store.remove(artifact.descriptor.digest) : store.put(from(artifact));
    });
    await Promise.all(changes);
    assert.ok((await store.list()).length > 0);
    for (const { descriptor } of await store.list()) await fetchArtifact(store.fetcher, descriptor, limits);
    await store.close();
  });

  it('frees the blobs of what is removed before it was verified, once all is', async () => {
    const first = await openStore(directory);
    const [kept, gone] = [artifactOf('kept'), artifactOf('gone')];
    await first.put(from(kept));
    await first.put(from(gone));
    await first.close();
    const store = await openStore(directory, { log: assert.fail });
    await store.remove(gone.descriptor.digest);
    await fetchArtifact(store.fetcher, kept.descriptor, limits);
    await store.check();
    assert.equal((await readdir(join(directory, 'blobs', 'sha256'))).length, 3, 'a manifest, a layer, the config');
    await fetchArtifact(store.fetcher, kept.descriptor, limits);
    await store.close();
  });

  it('frees the blobs that a crash has left, also after another artifact was removed', async () => {
    const first = await openStore(directory);
    await first.put(from(artifactOf('crashed')));
    await first.close();
    await rm(join(directory, 'artifacts'), { recursive: true });
    const store = await openStore(directory, { log: assert.fail });
    const gone = artifactOf('gone');
    await store.put(from(gone));
    await store.remove(gone.descriptor.digest);
    await store.check();
    assert.deepEqual(await readdir(join(directory, 'blobs', 'sha256')), []);
    await store.close();
  });

  it('drops what is half-written, damaged, misnamed or needed by nothing', async () => {
    const store = await openStore(directory);
    const [whole, damaged, cut, misnamed, gone] = ['whole', 'damaged', 'cut', 'misnamed', 'gone'].map(artifactOf) as [
      Artifact,
      Artifact,
      Artifact,
      Artifact,
      Artifact,
    ];
    for (const artifact of [whole, damaged, cut, misnamed, gone]) await store.put(from(artifact));
    const good = await store.effective.put(Buffer.from('good'));
    const bad = await store.effective.put(Buffer.from('bad'));
    await store.remove(gone.descriptor.digest);
    await store.close();
    const file = (digest: string) => join(directory, 'blobs', 'sha256', digest.slice(7));
    const record = ({ descriptor }: Artifact) => join(directory, 'artifacts', `${descriptor.digest.slice(7)}.json`);
    await writeFile(file(damaged.blobs[1]?.descriptor.digest ?? ''), 'changed!');
    const text = await readFile(record(cut), 'utf8');
    await writeFile(record(cut), text.slice(0, text.length / 2));
    await writeFile(record(artifactOf('other')), await readFile(record(misnamed)));
    await writeFile(join(directory, 'tmp', 'abc'), 'half');
    await writeFile(bad, 'loose');
    const said: string[] = [];
    const again = await openStore(directory, { log: (message) => said.push(message) });
    await again.check();
    assert.deepEqual(
      (await again.list()).map(({ descriptor }) => descriptor.digest).sort(),
      [whole.descriptor.digest, misnamed.descriptor.digest].sort(),
    );
    assert.equal(said.length, 4, said.join('\n'));
    assert.deepEqual(await readdir(join(directory, 'tmp')), []);
    assert.deepEqual(await readdir(join(directory, 'effective')), [good.slice(good.lastIndexOf('/') + 1)]);
    assert.equal(
      (await readdir(join(directory, 'blobs', 'sha256'))).length,
      5,
      'two manifests, two layers, the common config',
    );
    await again.close();
  });

  it('reports content that was damaged while it runs, and replaces it on the next put', async () => {
    const store = await openStore(directory);
    const artifact = artifactOf('profile');
    await store.put(from(artifact));
    await writeFile(join(directory, 'blobs', 'sha256', artifact.descriptor.digest.slice(7)), 'x');
    await assert.rejects(fetchArtifact(store.fetcher, artifact.descriptor, limits), { kind: 'NotFound' });
    await store.put(from(artifact));
    await fetchArtifact(store.fetcher, artifact.descriptor, limits);
    await store.close();
  });

  for (const when of ['before it is opened', 'while it is open, after it was verified'] as const) {
    it(`never returns content that was damaged ${when}, and removes and logs the artifact`, async () => {
      const [artifact, other] = [artifactOf('profile'), artifactOf('other')];
      const [, layer = assert.fail()] = artifact.blobs;
      const damage = () => writeFile(join(directory, 'blobs', 'sha256', layer.descriptor.digest.slice(7)), 'profilE');
      const first = await openStore(directory);
      await first.put(from(artifact));
      await first.put(from(other));
      await first.close();
      if (when === 'before it is opened') await damage();
      const log: string[] = [];
      const store = await openStore(directory, { log: (line) => log.push(line) });
      if (when !== 'before it is opened') {
        await store.check();
        await damage();
      }
      await assert.rejects(fetchArtifact(store.fetcher, artifact.descriptor, limits), { kind: 'NotFound' });
      await store.check();
      assert.equal(log.length, 1);
      assert.match(log[0] ?? '', new RegExp(`${artifact.descriptor.digest.slice(7)}.json: removed, .* is damaged`));
      assert.deepEqual(
        (await store.list()).map(({ descriptor }) => descriptor.digest),
        [other.descriptor.digest],
      );
      assert.equal((await readdir(join(directory, 'blobs', 'sha256'))).length, 3, 'a manifest, a layer, the config');
      await store.put(from(artifact));
      await fetchArtifact(store.fetcher, artifact.descriptor, limits);
      await store.close();
    });
  }

  it('keeps every artifact whole that is stored while the store is verified', async () => {
    const artifacts = Array.from({ length: 40 }, (_, index) => artifactOf(`profile ${index}`));
    const first = await openStore(directory);
    for (const artifact of artifacts) await first.put(from(artifact));
    const profiles = artifacts.map(({ blobs: [, layer = assert.fail()] }) => layer.bytes);
    const paths = await Promise.all(profiles.map((bytes) => first.effective.put(bytes)));
    await first.close();
    for (const { descriptor, blobs } of artifacts.slice(0, 20)) {
      for (const { digest } of [descriptor, ...blobs.map((blob) => blob.descriptor)])
        await writeFile(join(directory, 'blobs', 'sha256', digest.slice(7)), 'damaged');
    }
    for (const path of paths) await writeFile(path, 'damaged');
    const store = await openStore(directory);
    // In the order of verification, in the reverse order, and what is removed meanwhile.
    const gone = artifacts[39]?.descriptor.digest ?? assert.fail();
    await Promise.all([
      store.check(),
      ...artifacts.slice(0, 39).map((artifact) => store.put(from(artifact))),
      ...artifacts
        .slice(0, 39)
        .map((artifact) => store.put(from(artifact, 'localhost:5000/b')))
        .reverse(),
      store.remove(gone),
      ...profiles.map((bytes) => store.effective.put(bytes)),
      store.check(),
    ]);
    assert.deepEqual(new Set((await store.list()).map(({ descriptor }) => descriptor.digest)).size, 39);
    for (const { descriptor } of await store.list()) await fetchArtifact(store.fetcher, descriptor, limits);
    for (const [index, path] of paths.entries()) assert.deepEqual(await readFile(path), profiles[index]);
    await store.close();
    const again = await openStore(directory, { log: assert.fail });
    await again.check();
    assert.equal((await again.list()).length, 39);
    await again.close();
  });

  it('stops to verify when it is told to, and goes on with the rest', async () => {
    const first = await openStore(directory);
    const damaged = artifactOf('damaged');
    for (const content of ['a', 'b', 'c']) await first.put(from(artifactOf(content)));
    await first.put(from(damaged));
    await first.close();
    await writeFile(join(directory, 'blobs', 'sha256', damaged.descriptor.digest.slice(7)), 'x');
    const log: string[] = [];
    const store = await openStore(directory, { log: (line) => log.push(line) });
    await assert.rejects(store.check(AbortSignal.abort(new Error('stopping'))), /stopping/);
    assert.deepEqual(log, []);
    await store.check(AbortSignal.timeout(60_000));
    assert.equal(log.length, 1);
    assert.equal((await store.list()).length, 3);
    await store.close();
  });

  it('writes effective profiles again that another process changed', async () => {
    const store = await openStore(directory);
    const path = await store.effective.put(Buffer.from('{"a":1}'));
    await writeFile(path, '{"a":2}');
    assert.equal(await store.effective.put(Buffer.from('{"a":1}')), path);
    assert.equal(await readFile(path, 'utf8'), '{"a":1}');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await store.close();
  });

  it('knows which living containers were made with which artifact', async () => {
    const store = await openStore(directory);
    const [a, b] = [artifactOf('a').descriptor.digest, artifactOf('b').descriptor.digest];
    await store.uses.put('container-1', { artifacts: [a] });
    await store.uses.put('container-2', { artifacts: [b] });
    await assert.rejects(store.uses.put('../escape', { artifacts: [b] }), { kind: 'InvalidInput' });
    assert.deepEqual(
      (await store.uses.of(async () => new Set(['container-1', 'container-3']))).artifacts,
      new Set([a]),
    );
    assert.deepEqual(await readdir(join(directory, 'uses')), ['container-1']);
    const made = async () => {
      await store.uses.put('container-4', { artifacts: [b] }); // made and noted after the notes were read
      return new Set(['container-1']);
    };
    assert.deepEqual((await store.uses.of(made)).artifacts, new Set([a]));
    assert.deepEqual(await readdir(join(directory, 'uses')), ['container-1', 'container-4']);
    await store.close();
  });

  it('drops effective profiles an hour after they were last asked for', async () => {
    let minutes = 0;
    const store = await openStore(directory, { clock: () => minutes * 60_000 });
    const [old, fresh] = [
      await store.effective.put(Buffer.from('old')),
      await store.effective.put(Buffer.from('fresh')),
    ];
    minutes = 50;
    assert.equal(await store.effective.put(Buffer.from('fresh')), fresh);
    await store.effective.dropOld();
    assert.equal(await readFile(old, 'utf8'), 'old');
    minutes = 61;
    await store.effective.dropOld();
    assert.deepEqual(await readdir(join(directory, 'effective')), [basename(fresh)]);
    await store.close();
    const again = await openStore(directory, { clock: () => minutes * 60_000 });
    minutes = 120;
    await again.effective.dropOld();
    assert.equal(await readFile(fresh, 'utf8'), 'fresh', 'a call of before the restart may still be under way');
    minutes = 122;
    await again.effective.dropOld();
    assert.deepEqual(await readdir(join(directory, 'effective')), []);
    await again.close();
  });

  for (const years of [-50, 50]) {
    it(`loses nothing when the time of the node jumps by ${years} years`, async () => {
      let time = Date.parse('2026-01-01T00:00:00Z');
      const options = { now: () => new Date(time), log: assert.fail };
      const artifacts = Array.from({ length: 7 }, (_, index) => artifactOf(`${index}`.repeat(12 * 1024 * 1024)));
      const first = await openStore(directory, options);
      for (const artifact of artifacts) await first.put(from(artifact));
      const path = await first.effective.put(Buffer.from('{}'));
      const jump = () => (time += years * 365 * 24 * 60 * 60 * 1000);
      jump();
      assert.deepEqual(await first.dropUnused(new Set()), []);
      assert.deepEqual(await first.effective.dropOld(), []);
      await first.close();
      const store = await openStore(directory, options);
      jump();
      await store.check();
      assert.deepEqual(await store.dropUnused(new Set()), [], 'the kubelet may be about to create containers');
      assert.deepEqual(await store.effective.dropOld(), []);
      assert.equal(await store.effective.holds(path), false, 'its content was not read in this process');
      assert.equal(await store.effective.put(Buffer.from('{}')), path);
      assert.equal((await store.list()).length, 7);
      const [artifact = assert.fail()] = artifacts;
      await store.put(from(artifact, 'localhost:5000/b'));
      assert.equal(store.get(artifact.descriptor.digest)?.pulls.at(-1)?.repository, 'localhost:5000/b');
      assert.equal(store.lastUse(artifact.descriptor.digest)?.getTime(), time);
      await store.close();
    });
  }

  it('drops unused artifacts if they take much room, and none that was asked for lately', async () => {
    let time = Date.parse('2026-01-01T00:00:00Z');
    const later = (hours: number): number => (time += hours * 60 * 60 * 1000);
    const now = () => new Date(time);
    const clock = () => time;
    let store = await openStore(directory, { now, clock });
    const large = Array.from({ length: 7 }, (_, index) => artifactOf(`${index}`.repeat(12 * 1024 * 1024)));
    const [used, asked, ...others] = large.map(({ descriptor }) => descriptor.digest);
    for (const artifact of large) {
      await store.put(from(artifact));
      later(0.1);
    }
    assert.ok(used !== undefined && asked !== undefined);
    const kept = async () => (await store.list()).map(({ descriptor }) => descriptor.digest);
    await store.dropUnused(new Set());
    assert.equal((await kept()).length, 7, 'all were asked for within the hour');
    later(2);
    await store.dropUnused(new Set([used]));
    assert.deepEqual(await kept(), [used, ...others], 'five of them find room');
    await store.put(from(large[1] as Artifact));
    await store.close();
    store = await openStore(directory, { now, clock });
    later(2);
    store.get(others[0] as Digest);
    await store.dropUnused(new Set([used]));
    assert.deepEqual(new Set(await kept()), new Set([used, others[0], ...others.slice(2), asked]));
    await store.close();
  });

  it('does not use a directory that others may write to', async () => {
    for (const mode of [0o777, 0o1777, 0o770, 0o703]) {
      await chmod(directory, mode);
      await assert.rejects(openStore(directory), { kind: 'InvalidInput', message: /may write/ });
    }
    await chmod(directory, 0o711);
    if (process.getuid?.() === 0) {
      await chown(directory, 65534, 65534);
      await assert.rejects(openStore(directory), { kind: 'InvalidInput' });
      await chown(directory, 0, 0);
    }
    await (await openStore(directory)).close();
  });

  it('takes 50 puts at once', async () => {
    const store = await openStore(directory);
    const shared = artifactOf('same');
    const artifacts = Array.from({ length: 25 }, (_, i) => artifactOf(`profile ${i}`));
    await Promise.all([
      ...artifacts.map((artifact) => store.put(from(artifact))),
      ...artifacts.map((_, i) => store.put(from(shared, `localhost:5000/r${i}`))),
    ]);
    await store.close();
    const again = await openStore(directory, { log: assert.fail });
    assert.equal((await again.list()).length, 26);
    assert.equal(again.get(shared.descriptor.digest)?.pulls.length, 25);
    await again.close();
  });
});
