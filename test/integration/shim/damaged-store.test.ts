import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Artifact } from '#lib/artifact/artifact';
import { openStore } from '#lib/node/store/store';
import { digestOf } from '#lib/registry/digest';
import { type CriError, status } from '#test/support/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { denyChmod, packText, startTestShim, type TestShim } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import { SecurityProfile_ProfileType as ProfileType, SecurityProfileKind } from '../../../lib/cri/gen/cri_pb.js';
import { finishFolder, temporaryFolder } from '../../peers/program.ts';

/** What happens to a file; `other` is a file of the same sort. */
const damages: Readonly<Record<string, (path: string, other: string) => void>> = {
  'cut in half': (path) => truncateSync(path, statSync(path).size >> 1),
  'empty, as after a power failure': (path) => truncateSync(path),
  'full of zeros': (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)),
  'that of another': (path, other) => writeFileSync(path, readFileSync(other)),
  removed: (path) => rmSync(path),
  'a directory': (path) => {
    rmSync(path);
    mkdirSync(join(path, 'below'), { recursive: true });
  },
};

/** The files of an artifact in the state directory. */
const parts: Readonly<Record<string, (artifact: Artifact) => string>> = {
  record: ({ descriptor }) => join('artifacts', `${descriptor.digest.slice(7)}.json`),
  manifest: ({ descriptor }) => join('blobs', 'sha256', descriptor.digest.slice(7)),
  layer: ({ blobs }) => join('blobs', 'sha256', blobs[1]?.descriptor.digest.slice(7) ?? assert.fail()),
};

describe('the shim, with a damaged store,', () => {
  let shim: TestShim;
  let registry: ServingRegistry;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let folder: string;
  let made = 0;
  const fake = new FakeRuntime();

  before(async () => {
    folder = temporaryFolder('damaged-store');
    registry = await new ServingRegistry().start();
    const socket = join(folder, 'runtime.sock');
    runtime = await startScriptedRuntime(socket, fake.methods());
    shim = await startTestShim({ runtime: socket, registryHost: registry.host });
  });
  after(async () => {
    await shim?.stop();
    runtime?.kill();
    await registry?.stop();
    finishFolder(folder);
  });

  const referenceOf = ({ descriptor }: Artifact) => `${registry.host}/open/damaged@${descriptor.digest}`;

  /** Publishes an artifact that no other test has. */
  function publishAnother(): Artifact {
    const text = denyChmod.replace('"errnoRet":1', `"errnoRet":${++made}`);
    const artifact = packText(text, `${made}.json`);
    registry.add('open/damaged', artifact);
    return artifact;
  }

  /** Creates a container, and returns the path and content of the profile that the runtime got. */
  async function create(artifact: Artifact): Promise<{ readonly path: string; readonly content: Buffer }> {
    const before = fake.created.length;
    await shim.client.createContainer({
      podSandboxId: 's1',
      config: {
        metadata: { name: 'app' },
        linux: { securityContext: { seccomp: { profileType: ProfileType.OCI, ociRef: referenceOf(artifact) } } },
      },
      sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
    });
    assert.equal(fake.created.length, before + 1);
    const { localhostRef: path = '' } = fake.created.at(-1)?.config?.linux?.securityContext?.seccomp ?? {};
    return { path, content: readFileSync(path) };
  }

  async function isRefused(artifact: Artifact): Promise<void> {
    const before = fake.created.length;
    await assert.rejects(create(artifact), (error: CriError) => {
      assert.equal(error.code, status.UNAUTHENTICATED, error.message);
      assert.ok(error.message.includes(`refuses the security profile ${referenceOf(artifact)} of container "app"`));
      return true;
    });
    assert.equal(fake.created.length, before);
  }

  it('hands the runtime no damaged content, refuses without the registry, and recovers with it', async () => {
    const other = publishAnother();
    const { content: otherContent } = await create(other);
    const cases: { name: string; artifact: Artifact; expected: Buffer; harm: () => void }[] = [];
    for (const [part, fileOf] of Object.entries(parts)) {
      for (const [damage, apply] of Object.entries(damages)) {
        const artifact = publishAnother();
        const { content: expected } = await create(artifact);
        assert.notDeepEqual(expected, otherContent);
        const [path, source] = [join(shim.state, fileOf(artifact)), join(shim.state, fileOf(other))];
        cases.push({ name: `${part}: ${damage}`, artifact, expected, harm: () => apply(path, source) });
      }
    }
    await shim.kill();
    for (const { harm } of cases) harm();
    registry.users = { another: 'here' };
    await shim.restart();
    for (const { artifact } of cases) await isRefused(artifact);
    assert.deepEqual((await create(other)).content, otherContent, 'what is whole needs no registry');
    registry.users = undefined;
    for (const { name, artifact, expected } of cases)
      assert.deepEqual((await create(artifact)).content, expected, name);
    const repaired = shim.log().filter(({ messageId }) => messageId === 'fairlead.store.repaired');
    for (const { name, artifact } of cases) {
      if (name === 'record: removed') continue;
      assert.ok(
        repaired.some(({ msg }) => msg.includes(`${artifact.descriptor.digest.slice(7)}.json: removed`)),
        name,
      );
    }
    await shim.kill();
    const store = await openStore(shim.state, { log: assert.fail });
    await store.check();
    assert.equal((await store.list()).length, cases.length + 1);
    await store.close();
    await shim.restart();
  });

  it('finds damage after the start in what no container uses', async () => {
    const artifact = publishAnother();
    await create(artifact);
    await shim.kill();
    truncateSync(join(shim.state, parts['layer']?.(artifact) ?? assert.fail()));
    await shim.restart();
    const isFound = () =>
      shim.log().some(({ msg }) => msg.includes(`${artifact.descriptor.digest.slice(7)}.json: removed`));
    while (!isFound()) await delay(50);
    const { artifacts } = await shim.client.listSecurityProfileArtifacts({});
    assert.ok(!artifacts.some(({ id }) => id === artifact.descriptor.digest));
  });

  it('finds damage while it runs, when an artifact is pulled', async () => {
    for (const [damage, apply] of Object.entries(damages)) {
      const [artifact, other] = [publishAnother(), publishAnother()];
      const pull = () =>
        shim.client.pullSecurityProfileArtifact({
          image: { image: referenceOf(artifact) },
          profileKind: SecurityProfileKind.Seccomp,
        });
      const { content } = await create(artifact);
      await create(other);
      assert.equal((await pull()).cached, true);
      const fileOf = parts['layer'] ?? assert.fail();
      apply(join(shim.state, fileOf(artifact)), join(shim.state, fileOf(other)));
      assert.equal((await pull()).cached, false, damage);
      assert.equal((await pull()).cached, true, damage);
      assert.deepEqual((await create(artifact)).content, content);
    }
  });

  it('writes an effective profile anew that was changed, without the registry', async () => {
    const other = await create(publishAnother());
    const artifact = publishAnother();
    const { path, content } = await create(artifact);
    registry.users = { another: 'here' };
    const changes: typeof damages = { ...damages, 'writable by others': () => chmodSync(path, 0o666) };
    for (const [damage, apply] of Object.entries(changes)) {
      apply(path, other.path);
      assert.deepEqual(await create(artifact), { path, content }, damage);
      assert.equal(statSync(path).mode & 0o777, 0o600, damage);
    }
    registry.users = undefined;
    assert.equal(basename(path), `${digestOf(content).slice(7)}.json`);
  });
});
