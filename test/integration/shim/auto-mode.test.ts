import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Shim, type ShimOptions, startShim } from '#cri-shim/shim';
import type { Artifact } from '#lib/artifact/artifact';
import { generateKeyPair } from '#lib/trust/keys/key';
import { runFairlead } from '#test/support/cli/run';
import { type CriClient, connectCri, status } from '#test/support/cri/client';
import { fixture, fixtureProfiles } from '#test/support/cri/kep-fixtures';
import { ResolvingRuntime } from '#test/support/cri/resolving-runtime';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import * as cri from '../../../lib/cri/gen/cri_pb.js';

const { Localhost, OCI } = cri.SecurityProfile_ProfileType;
const { Seccomp, AppArmor } = cri.SecurityProfileKind;
const artifact = fixture(fixtureProfiles.denyChmod);
const seccompRoot = '/var/lib/kubelet/seccomp';

describe('shim in mode auto, in front of a scripted runtime with the feature of KEP-6061', () => {
  let directory: string;
  let registry: ServingRegistry;
  let runtime: ResolvingRuntime;
  let shim: Shim;
  let client: CriClient;
  let records: Record<string, unknown>[];
  const at = (name: string) => join(directory, name);

  const writePolicy = (more = '', rules = '- {match: "**/open/**", unsigned: true}') =>
    writeFile(
      at('policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  ${rules}\n  - {match: "**/signed/**", require: [{key: release.pub}]}\n${more}`,
    );
  async function start(options: Partial<ShimOptions> = {}): Promise<void> {
    const write = (level: string) => (fields: object | string, msg?: string) => {
      records.push({ level, ...(typeof fields === 'string' ? { msg: fields } : { ...fields, msg }) });
    };
    shim = await startShim({
      ...{ listen: `unix://${at('shim.sock')}`, runtime: `unix://${at('runtime.sock')}` },
      ...{ policy: at('policy.yaml'), state: at('state'), admin: `unix://${at('admin.sock')}` },
      ...{ mode: 'auto', previewKep6061: true, build: { version: '1.2.3' } },
      log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } as never,
      ...options,
    });
    client = connectCri(at('shim.sock'));
  }
  /** Replaces the runtime by another process, with or without the feature. */
  async function replaceRuntime(hasFeature: boolean): Promise<void> {
    runtime.kill();
    runtime = new ResolvingRuntime(at('runtime.sock'));
    runtime.hasFeature = hasFeature;
    await runtime.start();
  }
  /** Serves an artifact, and returns its reference. */
  function publish(repository: string, published: Artifact = artifact): string {
    registry.add(repository, published);
    return `${registry.host}/${repository}@${published.descriptor.digest}`;
  }
  const pull = (image: string, profileKind = Seccomp) =>
    client.pullSecurityProfileArtifact({ image: { image }, profileKind });
  const oci = (ociRef: string) => ({ profileType: OCI, ociRef });
  const container = (
    securityContext: object,
    annotations: Record<string, string> = {},
    method = 'runtime.v1.RuntimeService/CreateContainer',
  ) => {
    const message = create(cri.CreateContainerRequestSchema, {
      ...{ podSandboxId: 's', sandboxConfig: { annotations } },
      config: { metadata: { name: 'main' }, linux: { securityContext } },
    });
    return client.raw(`/${method}`, toBinary(cri.CreateContainerRequestSchema, message));
  };
  const sandbox = (seccomp: object) => client.runPodSandbox({ config: { linux: { securityContext: { seccomp } } } });
  const decisions = () =>
    records.filter(({ messageId }) => messageId === 'fairlead.delegation.decided').map(({ resolvedBy }) => resolvedBy);
  async function node(...command: string[]): Promise<string> {
    const { stdout, stderr, code } = await runFairlead(['node', ...command, '--socket', `unix://${at('admin.sock')}`]);
    assert.equal(code, 0, stderr);
    return stdout;
  }
  const statusOf = async (): Promise<{ readonly ociProfiles: { resolvedBy?: string; reason?: string } }> =>
    JSON.parse(await node('status', '--output', 'json'));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-auto-'));
    records = [];
    registry = await new ServingRegistry().start();
    runtime = await new ResolvingRuntime(at('runtime.sock')).start();
    await writeFile(at('release.pub'), (await generateKeyPair()).publicKey);
    await writePolicy();
  });
  afterEach(async () => {
    client.close();
    await shim.stop();
    runtime.kill();
    await registry.stop();
    await rm(directory, { recursive: true });
  });

  it('verifies a pull, then forwards it as it came', async () => {
    await start();
    const reference = publish('open/a');
    assert.equal((await pull(reference)).resolvedRef, 'resolved by the runtime');
    const expected = { image: { image: reference }, profileKind: Seccomp };
    assert.deepEqual(runtime.received, [
      {
        call: 'PullSecurityProfileArtifact',
        request: Buffer.from(
          toBinary(
            cri.PullSecurityProfileArtifactRequestSchema,
            create(cri.PullSecurityProfileArtifactRequestSchema, expected),
          ),
        ),
      },
    ]);
    assert.deepEqual(registry.requests[0], `GET manifests ${artifact.descriptor.digest}`);
    assert.equal((await client.pullSecurityProfile(expected)).resolvedRef, 'resolved by the runtime');
    assert.deepEqual(runtime.calls, ['PullSecurityProfileArtifact', 'PullSecurityProfile']);
  });

  it('forwards no pull that the policy, the signature, the content or the credentials forbid', async () => {
    await start();
    const refusals = [
      [publish('other/a'), status.PERMISSION_DENIED],
      [publish('signed/a'), status.FAILED_PRECONDITION],
      [publish('open/b', fixture(fixtureProfiles.invalid)), status.INVALID_ARGUMENT],
    ] as const;
    for (const [reference, code] of refusals) {
      await assert.rejects(pull(reference), { code });
      await assert.rejects(client.pullSecurityProfile({ image: { image: reference }, profileKind: Seccomp }), { code });
    }
    registry.users = { alice: 'a' };
    await assert.rejects(pull(publish('open/a')), { code: status.UNAUTHENTICATED });
    assert.deepEqual(runtime.calls, []);
  });

  it('verifies type OCI in a container and a sandbox, then forwards it as it came', async () => {
    await start();
    const seccomp = oci(publish('open/a'));
    await container({ seccomp });
    assert.equal(runtime.lastSeccomp?.ociRef, seccomp.ociRef);
    assert.equal(runtime.lastSeccomp?.profileType, OCI);
    await sandbox(seccomp);
    assert.equal(runtime.lastSeccomp?.ociRef, seccomp.ociRef);
    assert.deepEqual(
      records.filter(({ messageId }) => messageId === 'fairlead.profile.delegated').map(({ reference }) => reference),
      [seccomp.ociRef, seccomp.ociRef],
    );
    assert.deepEqual(decisions(), ['runtime']);
    assert.deepEqual((await statusOf()).ociProfiles, { resolvedBy: 'runtime' });
  });

  it('explains a pod whose profiles the runtime resolves, and shows in the status that it does', async () => {
    await start();
    const seccomp = oci(publish('open/a'));
    const metadata = { namespace: 'web', name: 'nginx-0' };
    const { podSandboxId } = await client.runPodSandbox({
      config: { metadata, linux: { securityContext: { seccomp } } },
    });
    await client.createContainer({
      ...{ podSandboxId, sandboxConfig: { metadata } },
      config: { metadata: { name: 'main' }, linux: { securityContext: { seccomp } } },
    });
    const explained = await node('explain', 'web/nginx-0');
    assert.equal(explained.match(/effective +resolved by the runtime/g)?.length, 2, explained);
    assert.equal(explained.match(/artifact +Seccomp/g)?.length, 2, explained);
    JSON.parse(await node('explain', 'web/nginx-0', '--output', 'json'));
    assert.match(await node('status'), /^type OCI +resolved by the runtime$/m);
  });

  it('forwards no container and no sandbox whose artifact the policy or the signature forbids', async () => {
    await start();
    for (const [name, code] of [
      ['other/a', status.PERMISSION_DENIED],
      ['signed/a', status.FAILED_PRECONDITION],
    ] as const) {
      const seccomp = oci(publish(name));
      await assert.rejects(container({ seccomp }), { code });
      await assert.rejects(sandbox(seccomp), { code });
    }
    assert.deepEqual(runtime.calls, []);
  });

  it('resolves Localhost references, annotations, AppArmor, the deprecated string and v1alpha2 in the shim', async () => {
    await start();
    const reference = publish('open/a');
    const localhost = { profileType: Localhost, localhostRef: `${seccompRoot}/oci/${reference}` };
    await container({ seccomp: localhost });
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    await container({}, { 'seccomp-profile.crio.io/main': reference });
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    await container({ seccomp: oci(reference), seccompProfilePath: 'unconfined' });
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    await container({ seccomp: oci(reference) }, {}, 'runtime.v1alpha2.RuntimeService/CreateContainer');
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    const before = runtime.calls.length;
    const type = 'application/vnd.cncf.apparmor-profile.config.v1+json';
    const apparmor = publish('open/apparmor', fixture({ capability: {} }, { configType: type }));
    assert.equal((await pull(apparmor, AppArmor)).resolvedRef, apparmor);
    await assert.rejects(container({ apparmor: oci(apparmor) }), { code: status.UNAVAILABLE });
    assert.equal(runtime.calls.length, before);
  });

  it('resolves profiles itself if the baseline is a file, and says so', async () => {
    await writeFile(at('baseline.json'), JSON.stringify(fixtureProfiles.denyChmod));
    await writePolicy('baseline: {seccomp: baseline.json}\n');
    await start();
    const reference = publish('open/a');
    assert.equal((await pull(reference)).resolvedRef, reference);
    await container({ seccomp: oci(reference) });
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    assert.deepEqual(runtime.calls, ['CreateContainer']);
    const { ociProfiles } = await statusOf();
    assert.equal(ociProfiles.resolvedBy, 'shim');
    assert.match(ociProfiles.reason ?? '', /baseline/);
    await writePolicy();
    await shim.reload();
    await container({ seccomp: oci(reference) });
    assert.equal(runtime.lastSeccomp?.ociRef, reference);
    assert.deepEqual(decisions(), ['shim', 'runtime']);
  });

  it('decides anew when the runtime is upgraded or downgraded', async () => {
    await replaceRuntime(false);
    await start();
    const reference = publish('open/a');
    assert.equal((await pull(reference)).resolvedRef, reference);
    for (const hasFeature of [true, false, true]) {
      await replaceRuntime(hasFeature);
      await container({ seccomp: oci(reference) });
      assert.equal(runtime.lastSeccomp?.ociRef, hasFeature ? reference : '');
      assert.equal(runtime.lastSeccomp?.profileType, hasFeature ? OCI : Localhost);
    }
    assert.deepEqual(decisions(), ['shim', 'runtime', 'shim', 'runtime']);
  });

  it('refuses what the policy has come to forbid while the runtime was asked', async () => {
    await start();
    const reference = publish('open/a');
    await container({ seccomp: oci(reference) });
    runtime.onStatus = async () => {
      await writePolicy('', '- {match: "**/none/**", unsigned: true}');
      await shim.reload();
    };
    await assert.rejects(container({ seccomp: oci(reference) }), { code: status.PERMISSION_DENIED });
    await assert.rejects(pull(reference), { code: status.PERMISSION_DENIED });
    assert.deepEqual(runtime.calls, ['CreateContainer']);
  });

  it('refuses the call if the runtime does not report what it has', async () => {
    await start();
    const reference = publish('open/a');
    await container({ seccomp: oci(reference) });
    runtime.onStatus = () => runtime.kill();
    await assert.rejects(container({ seccomp: oci(reference) }), { code: status.UNAVAILABLE });
    assert.deepEqual(runtime.calls, ['CreateContainer']);
    assert.match((await statusOf()).ociProfiles.reason ?? '', /did not answer/);
  });

  it('lists the artifacts of the runtime and of the shim, and removes them from both', async () => {
    await start();
    const reference = publish('open/a');
    const { digest } = artifact.descriptor;
    const absent = `sha256:${'ab'.repeat(32)}`;
    await container({ seccomp: oci(reference) });
    const foreign = { id: absent, references: [`registry.example.com/x@${absent}`] };
    runtime.artifacts = [foreign, { id: digest, references: ['mirror.example.com/a'], size: 7n, profileKind: Seccomp }];
    const { artifacts } = await client.listSecurityProfileArtifacts();
    assert.deepEqual(
      artifacts.map(({ id, references }) => ({ id, references })),
      [foreign, { id: digest, references: ['mirror.example.com/a', reference] }],
    );
    assert.deepEqual(
      (await client.listSecurityProfiles()).profiles.map(({ digest: id, refs }) => ({ id, references: refs })),
      artifacts.map(({ id, references }) => ({ id, references })),
    );
    runtime.artifacts = [];
    assert.equal((await client.listSecurityProfileArtifacts()).artifacts.length, 1);
    await client.removeSecurityProfileArtifact({ image: { image: digest } });
    assert.equal((await client.listSecurityProfileArtifacts()).artifacts.length, 0);
    await client.removeSecurityProfile({ digest: absent });
    assert.deepEqual(
      runtime.calls.filter((call) => call.startsWith('Remove')),
      ['RemoveSecurityProfileArtifact', 'RemoveSecurityProfile'],
    );
  });

  it('lists and removes its own artifacts if the runtime has no such calls', async () => {
    await start();
    const reference = publish('open/a');
    runtime.hasLists = false;
    await container({ seccomp: oci(reference) });
    assert.deepEqual(
      (await client.listSecurityProfiles()).profiles.map(({ refs }) => refs),
      [[reference]],
    );
    await client.removeSecurityProfile({ digest: artifact.descriptor.digest });
    assert.deepEqual((await client.listSecurityProfiles()).profiles, []);
  });

  it('resolves all profiles itself in mode shim, the default', async () => {
    await start({ mode: 'shim' });
    const reference = publish('open/a');
    assert.equal((await pull(reference)).resolvedRef, reference);
    await container({ seccomp: oci(reference) });
    assert.match(runtime.lastSeccomp?.localhostRef ?? '', /\/state\/effective\//);
    assert.deepEqual(runtime.calls, ['CreateContainer']);
    assert.deepEqual((await statusOf()).ociProfiles, { resolvedBy: 'shim' });
  });
});
