import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { remoteRepository } from '#lib/registry/remote/repository';
import { peer } from '#test/peers/peer';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { describePeers } from '#test/peers/require';
import { emptyConfig, manifest, pushAll } from '#test/support/contract/content';

const run = promisify(execFile);
const limit = 4_000_000;
let count = 0;
const fresh = (): string => `test/r${count++}`;

describePeers(['refreg', 'oras'], 'remoteRepository against a registry with the referrers API', () => {
  let registry: Refreg;
  before(async () => {
    registry = await startRefreg();
  });
  after(() => registry.stop());
  const open = (repository = fresh()) => remoteRepository({ registry: registry.host, repository });

  it('untags', async () => {
    const target = open();
    const image = manifest([]);
    await pushAll(target, [emptyConfig, image]);
    for (const tag of ['a', 'b']) await target.tag(image.descriptor, tag);
    await target.untag('a');
    await assert.rejects(target.resolve('a'), { kind: 'NotFound' });
    assert.deepEqual(await target.resolve('b'), image.descriptor);
  });

  it('keeps manifests under sha512 digests', async () => {
    const target = open();
    const { bytes, descriptor } = manifest([]);
    const long = { ...descriptor, digest: digestOf(bytes, 'sha512') };
    await target.push(emptyConfig.descriptor, emptyConfig.bytes);
    await target.push(long, bytes);
    assert.deepEqual(await target.resolve(long.digest), long);
    assert.deepEqual(await fetchBytes(target, long, { limit }), new Uint8Array(bytes));
  });

  it('lists by the API what oras attached', async () => {
    const repository = fresh();
    const target = open(repository);
    const subject = manifest([]);
    await pushAll(target, [emptyConfig, subject]);
    const directory = await mkdtemp(join(tmpdir(), 'registry-refreg-'));
    await writeFile(join(directory, 'sbom.json'), '{}');
    const name = `${registry.host}/${repository}@${subject.descriptor.digest}`;
    await run(
      peer('oras'),
      ['attach', '--plain-http', '--artifact-type', 'application/vnd.test.sbom', name, 'sbom.json'],
      { cwd: directory },
    );
    await rm(directory, { recursive: true });
    assert.equal((await target.referrers(subject.descriptor)).length, 1);
  });

  it('lists what it pushed itself, whatever the registry keeps of OCI-Subject', async () => {
    const target = open();
    const subject = manifest([]);
    const signature = manifest([], { subject: subject.descriptor, artifactType: 'application/vnd.test.signature' });
    await pushAll(target, [emptyConfig, subject, signature]);
    assert((await target.referrers(subject.descriptor)).some(({ digest }) => digest === signature.descriptor.digest));
  });
});
