import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOf } from '#lib/registry/digest';
import { describePeers } from '#test/peers/require';
import { launcher, runFairlead } from '#test/support/cli/run';
import { type CriError, status } from '#test/support/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { denyChmod, packText, startTestShim, type TestShim } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import { SecurityProfile_ProfileType as ProfileType, SecurityProfileKind } from '../../../lib/cri/gen/cri_pb.js';
import { finishFolder, temporaryFolder } from '../../peers/program.ts';

/** Runs the shim where its state directory is a small file system of its own, in memory. */
const inSmallFileSystem = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mkdir -m 700 state && mount -t tmpfs -o size=1m,mode=700 fairlead state && exec "$0" "$@"',
  process.execPath,
  launcher,
] as const;

describePeers(['root'], 'the shim, while its state directory fails,', () => {
  let shim: TestShim;
  let registry: ServingRegistry;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let folder: string;
  const fake = new FakeRuntime();
  let artifacts = 0;

  before(async () => {
    folder = temporaryFolder('state-faults');
    registry = await new ServingRegistry().start();
    const socket = join(folder, 'runtime.sock');
    runtime = await startScriptedRuntime(socket, fake.methods());
    shim = await startTestShim({
      ...{ runtime: socket, registryHost: registry.host, program: inSmallFileSystem },
      args: ['--admin', `unix://${folder}/admin.sock`],
    });
  });
  after(async () => {
    await shim?.stop();
    runtime?.kill();
    await registry?.stop();
    finishFolder(folder);
  });

  /** Publishes an artifact that no other test has, and returns its pinned reference. */
  function publishAnother(): string {
    const text = denyChmod.replace('"errnoRet":1', `"errnoRet":${++artifacts}`);
    const artifact = packText(text, `${artifacts}.json`);
    registry.add('open/faults', artifact);
    return `${registry.host}/open/faults@${artifact.descriptor.digest}`;
  }

  const create = (ociRef: string) =>
    shim.client.createContainer({
      podSandboxId: 's1',
      config: {
        metadata: { name: 'app' },
        linux: { securityContext: { seccomp: { profileType: ProfileType.OCI, ociRef } } },
      },
      sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
    });

  /** A path in the state directory, as the shim sees it. */
  const inState = (...names: string[]) => join(`/proc/${shim.pid}/root`, shim.state, ...names);

  /** Creates a container, and verifies that the runtime was given a whole profile. */
  async function creates(reference: string): Promise<string> {
    const before = fake.created.length;
    await create(reference);
    assert.equal(fake.created.length, before + 1);
    const { localhostRef = '' } = fake.created.at(-1)?.config?.linux?.securityContext?.seccomp ?? {};
    const name = localhostRef.slice(`${shim.state}/effective/`.length);
    assert.equal(`${digestOf(readFileSync(inState('effective', name))).slice(7)}.json`, name);
    return inState('effective', name);
  }

  /** Verifies that a container is refused with the name of its profile, and reaches no runtime. */
  async function refuses(reference: string, code: number, reason: RegExp): Promise<void> {
    const before = fake.created.length;
    await assert.rejects(create(reference), (error: CriError) => {
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(`refuses the security profile ${reference} of container "app"`), error.message);
      assert.match(error.message, reason);
      return true;
    });
    assert.equal(fake.created.length, before);
  }

  const stored = async () =>
    (await shim.client.listSecurityProfileArtifacts({})).artifacts.flatMap(({ references }) => references);

  const pull = (image: string) =>
    shim.client.pullSecurityProfileArtifact({ image: { image }, profileKind: SecurityProfileKind.Seccomp });

  /** Waits until the shim reports itself as ready, or as not ready: its checks are a second old. */
  async function becomes(wanted: { readonly isReady: boolean }): Promise<{ readonly checks: readonly object[] }> {
    for (;;) {
      const args = ['node', 'status', '--socket', `unix://${folder}/admin.sock`, '--output', 'json'];
      const status = JSON.parse((await runFairlead(args)).stdout);
      if (status.isReady === wanted.isReady) return status;
      await delay(100);
    }
  }

  it('which is full, creates containers with what it has, refuses others, and recovers', async () => {
    const [known, other] = [publishAnother(), publishAnother()];
    await creates(known);
    const before = await stored();
    const files = () => readdirSync(inState(), { recursive: true }).filter((name) => !String(name).startsWith('uses/'));
    const filesBefore = files();
    const filler = inState('filler');
    try {
      assert.throws(() => {
        for (;;) appendFileSync(filler, Buffer.alloc(4096));
      }, /ENOSPC/);
      await creates(known);
      await refuses(other, status.RESOURCE_EXHAUSTED, /no space left on its file system.*Free some space/s);
      await assert.rejects(pull(other), { code: status.RESOURCE_EXHAUSTED });
      assert.equal((await pull(known)).cached, true);
      assert.deepEqual(await stored(), before);
      const { checks } = await becomes({ isReady: false });
      assert.match(
        JSON.stringify(checks),
        /the file system of the state directory .* is full: it has \d+ free bytes, and needs \d+/,
      );
    } finally {
      rmSync(filler);
    }
    await becomes({ isReady: true });
    assert.deepEqual(files(), filesBefore, 'nothing half-written');
    await creates(other);
    assert.deepEqual((await stored()).length, before.length + 1);
  });

  it('which is read-only, creates containers with what it has, refuses others, and recovers', async () => {
    const [known, other] = [publishAnother(), publishAnother()];
    await creates(known);
    const before = await stored();
    const [digest = ''] = known.split('@').slice(1);
    const mount = (...args: string[]) =>
      execFileSync('nsenter', [`--target=${shim.pid}`, '--mount', ...args], { stdio: 'pipe' });
    // The lock is open for writing, so that the file system itself cannot be made read-only.
    mount('mount', '--bind', shim.state, shim.state);
    mount('mount', '-o', 'remount,bind,ro', shim.state);
    try {
      await creates(known);
      await refuses(other, status.INTERNAL, /EROFS.*not mounted read-only/s);
      assert.deepEqual(await stored(), before);
      const image = { image: known };
      await assert.rejects(shim.client.removeSecurityProfileArtifact({ image }), (error: CriError) => {
        assert.match(
          error.message,
          new RegExp(`${digest.slice(7)}.json: cannot be removed.*not mounted read-only`, 's'),
        );
        return true;
      });
      assert.deepEqual(await stored(), before);
      const { checks } = await becomes({ isReady: false });
      assert.match(JSON.stringify(checks), /the state directory .* cannot be used.*EROFS/);
    } finally {
      mount('umount', shim.state);
    }
    await creates(other);
    assert.equal((await stored()).length, before.length + 1);
    await becomes({ isReady: true });
  });
});
