import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { readProfileRefusal } from '#lib/node/reference/profile-refusal';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type CriClient, type CriError, connectCri, status } from '#test/support/cri/client';
import { containerConfig, type Pod, type PodOptions, runPod } from '#test/support/cri/pod';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { SecurityProfile_ProfileType as ProfileType, SecurityProfileKind } from '../../../lib/cri/gen/cri_pb.js';

describePeers([...containerdRequirements, 'docker-registry'], 'shim before containerd: what it refuses', () => {
  let containerd: Containerd;
  let registry: Registry;
  let shim: TestShim;
  let direct: CriClient;
  let pod: Pod;
  before(async () => {
    [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
    shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    direct = connectCri(containerd.socket);
    pod = await runPod(shim.client, { name: 'bystander' });
  });
  after(async () => {
    direct?.close();
    await shim?.stop();
    await Promise.all([registry?.stop(), containerd?.stop()]);
  });

  /** The artifact `denyChmod` with other layers or another config. */
  function variant(layers: readonly Uint8Array[], configMediaType?: string): Artifact {
    const { manifest, blobs } = packText(denyChmod);
    const [config] = blobs;
    assert.ok(config);
    const mediaType = configMediaType ?? config.descriptor.mediaType;
    const contents = layers.map((bytes) => blob('application/json', bytes));
    const { artifactType: _, ...rest } = manifest;
    return assembleArtifact(
      { ...rest, config: { ...config.descriptor, mediaType }, layers: contents.map(({ descriptor }) => descriptor) },
      [config, ...contents],
    );
  }
  const text = Buffer.from(denyChmod);

  /** What a refused call must end with. */
  function refusal(code: number, message: RegExp): (error: CriError) => true {
    return (error) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    };
  }

  /** CreateContainer in the one sandbox that runs. */
  function createContainer(options: PodOptions): Promise<unknown> {
    const sandbox = { ...pod.sandboxConfig, annotations: { ...options.annotations } };
    return shim.client.createContainer({
      podSandboxId: pod.sandboxId,
      config: containerConfig(options),
      sandboxConfig: sandbox,
    });
  }

  /**
   * Asks for the artifact by the pull call, by a container in both forms and by a sandbox; each
   * must be refused alike.
   */
  async function refused(reference: string, code: number, message: RegExp): Promise<void> {
    const profileKind = SecurityProfileKind.Seccomp;
    const oci = { profileType: ProfileType.OCI, ociRef: reference };
    const localhost = { profileType: ProfileType.Localhost, localhostRef: `${shim.seccompRoot}/oci/${reference}` };
    const calls = [
      () => shim.client.pullSecurityProfileArtifact({ image: { image: reference }, profileKind }),
      () => createContainer({ seccomp: oci }),
      () => createContainer({ seccomp: localhost }),
      () => runPod(shim.client, { sandboxSeccomp: oci }),
    ];
    await Promise.all(calls.map((call) => assert.rejects(call, refusal(code, message))));
    await nothingWasMade();
  }

  /** Only what the tests themselves run is there: asked of containerd, past the shim. */
  async function nothingWasMade(): Promise<void> {
    const ids = (await direct.listContainers()).containers.map(({ id }) => id);
    assert.deepEqual(ids, [pod.containerId]);
    assert.deepEqual(
      (await direct.listPodSandbox()).items.map(({ id }) => id),
      [pod.sandboxId],
    );
    const known = containerd.ctr('containers', 'list', '--quiet').trim().split('\n');
    assert.deepEqual(known.sort(), [pod.containerId, pod.sandboxId].sort());
  }

  /** Waits until the shim asks the registry again, which it does not for some seconds. */
  async function untilAskedAgain(image: string): Promise<void> {
    const profileKind = SecurityProfileKind.Seccomp;
    for (let code: number = status.UNAVAILABLE; code === status.UNAVAILABLE; await delay(200)) {
      code = await shim.client.pullSecurityProfileArtifact({ image: { image }, profileKind }).then(
        () => status.OK,
        (error: CriError) => error.code,
      );
    }
  }

  it('an artifact without signature, or with one of another signer', async () => {
    const unsigned = await publish(registry.host, 'signed/unsigned', packText(denyChmod, 'unsigned.json'));
    await refused(unsigned, status.FAILED_PRECONDITION, /^SignatureValidationFailed: .*is not signed/);
    const stranger = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const foreign = await publish(registry.host, 'signed/foreign', packText(denyChmod, 'foreign.json'), stranger);
    await refused(foreign, status.FAILED_PRECONDITION, /^SignatureValidationFailed: .*no signature of/);
  });

  it('and says of each call which security profile of which container it refuses', async () => {
    const reference = await publish(registry.host, 'signed/named', packText(denyChmod, 'named.json'));
    const seccomp = { profileType: ProfileType.OCI, ociRef: reference };
    const messageOf = (call: Promise<unknown>): Promise<string> =>
      call.then(
        () => assert.fail('it was not refused'),
        (error: CriError) => error.message,
      );
    const container = await messageOf(createContainer({ seccomp }));
    const sandbox = await messageOf(runPod(shim.client, { sandboxSeccomp: seccomp }));
    assert.match(container, / of container "main": SignatureInvalid: /);
    assert.match(sandbox, / of the pod sandbox: SignatureInvalid: /);
    for (const message of [container, sandbox]) {
      const { reason = '', ...rest } = readProfileRefusal(message) ?? {};
      assert.deepEqual(rest, { reference, kind: 'SignatureInvalid' });
      assert.match(reason, /is not signed/);
    }
    const unread = await messageOf(createContainer({ seccomp: { ...seccomp, ociRef: 'nginx' } }));
    assert.match(unread, /Fairlead refuses the security profile of container "main": InvalidInput: /);
  });

  it('a repository that no rule allows, before the registry hears of it', async () => {
    const reference = await publish(registry.host, 'elsewhere/x', packText(denyChmod, 'elsewhere.json'), shim.signer);
    await refused(reference, status.PERMISSION_DENIED, /does not allow Seccomp profiles/);
    const digest = reference.slice(reference.indexOf('@'));
    await refused(`no-such-registry.invalid/x${digest}`, status.PERMISSION_DENIED, /does not allow/);
  });

  it('a profile of another kind', async () => {
    const apparmor = variant([text], 'application/vnd.cncf.apparmor-profile.config.v1+json');
    const reference = await publish(registry.host, 'signed/apparmor', apparmor, shim.signer);
    await refused(reference, status.INVALID_ARGUMENT, /^SecurityProfileInvalid: /);
    const image = variant([text], 'application/vnd.oci.image.config.v1+json');
    await refused(
      await publish(registry.host, 'open/image', image),
      status.INVALID_ARGUMENT,
      /^SecurityProfileInvalid: /,
    );
    const pull = (ref: string, profileKind: SecurityProfileKind) =>
      shim.client.pullSecurityProfileArtifact({ image: { image: ref }, profileKind });
    const { AppArmor, SecurityProfileKindUnspecified } = SecurityProfileKind;
    await assert.rejects(pull(reference, SecurityProfileKindUnspecified), { code: status.INVALID_ARGUMENT });
    // The rule covers seccomp profiles only.
    await assert.rejects(pull(reference, AppArmor), { code: status.PERMISSION_DENIED });
    const seccomp = await publish(registry.host, 'open/seccomp', packText(denyChmod));
    await assert.rejects(pull(seccomp, AppArmor), refusal(status.INVALID_ARGUMENT, /^SecurityProfileInvalid: /));
  });

  it('two layers, 2 MiB, invalid JSON, and what may not be distributed', async () => {
    const invalid: [string, Artifact][] = [
      ['two', variant([text, Buffer.from('{}')])],
      ['large', variant([Buffer.from(`${denyChmod}${' '.repeat(2 * 1024 * 1024)}`)])],
      ['json', variant([Buffer.from('{"defaultAction": "SCMP_ACT_ALLOW"')])],
      ['notify', variant([Buffer.from('{"defaultAction": "SCMP_ACT_NOTIFY"}')])],
      ['listener', variant([Buffer.from('{"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x.sock"}')])],
      ['action', variant([Buffer.from('{"defaultAction": "SCMP_ACT_MAYBE"}')])],
      ['form', variant([Buffer.from(denyChmod.replace('"names"', '"includes":{"caps":["CAP_SYS_ADMIN"]},"names"'))])],
      ['member', variant([Buffer.from(denyChmod.replace('"names"', '"why":"","names"'))])],
      ['case', variant([Buffer.from(denyChmod.replace('"syscalls"', '"Syscalls"'))])],
      ['twice', variant([Buffer.from(denyChmod.replace('"names"', '"Names":["mount"],"names"'))])],
    ];
    for (const [name, artifact] of invalid) {
      const reference = await publish(registry.host, `signed/${name}`, artifact, shim.signer);
      await refused(reference, status.INVALID_ARGUMENT, /^SecurityProfileInvalid: /);
    }
  });

  it('what is not there, and what the registry cannot say because it is down', async () => {
    const missing = `${registry.host}/signed/missing@sha256:${'ab'.repeat(32)}`;
    await refused(missing, status.NOT_FOUND, /missing/);
    const { port, storage } = registry;
    await registry.stop();
    try {
      await refused(missing, status.UNAVAILABLE, /^RegistryUnavailable: /);
    } finally {
      registry = await startRegistry({ port, storage });
    }
    await untilAskedAgain(missing);
  });

  it('references that are not pinned, contradict themselves, or would be ignored', async () => {
    const good = await publish(registry.host, 'signed/good', packText(denyChmod), shim.signer);
    const oci = (ociRef: string) => ({ profileType: ProfileType.OCI, ociRef });
    const localhost = (localhostRef: string) => ({ profileType: ProfileType.Localhost, localhostRef });
    const pods: PodOptions[] = [
      { seccomp: oci(`${registry.host}/signed/good:latest`) },
      { seccomp: oci('nginx') },
      { seccomp: localhost(`${shim.seccompRoot}/oci/${registry.host}/signed/good:latest`) },
      { seccomp: localhost(`${shim.seccompRoot}/oci/${good}?base=../../../etc/passwd`) },
      { seccomp: localhost(`${shim.seccompRoot}/oci/../oci/${good}`) },
      { seccomp: localhost(`/elsewhere/seccomp/oci/${good}`) },
      { seccomp: { profileType: ProfileType.Unconfined, ociRef: good } },
      { annotations: { 'seccomp-profile.crio.io/main': `${registry.host}/signed/good:latest` } },
      { annotations: { 'seccomp-profile.crio.io/POD': good }, privileged: true },
      { seccomp: oci(good), privileged: true },
      { apparmor: { profileType: ProfileType.OCI, ociRef: 'nginx' } },
      { apparmor: localhost(good) },
      { apparmor: localhost(`oci/${good}`), privileged: true },
    ];
    for (const options of pods) await assert.rejects(createContainer(options), { code: status.INVALID_ARGUMENT });
    // The rule covers seccomp profiles only.
    const apparmor = localhost(`oci/${good}`);
    await assert.rejects(createContainer({ apparmor }), { code: status.PERMISSION_DENIED });
    const noBase = { seccomp: localhost(`${shim.seccompRoot}/oci/${good}?base=missing.json`) };
    await assert.rejects(
      createContainer(noBase),
      refusal(status.INVALID_ARGUMENT, /^SecurityProfileInvalid: .*missing\.json/),
    );
    await nothingWasMade();
  });

  it('names that are almost a reference: no container is made, whichever of shim and runtime reads them', async () => {
    const good = await publish(registry.host, 'signed/good', packText(denyChmod), shim.signer);
    const root = shim.seccompRoot;
    const paths = [
      `${root}/oci/${good}/`,
      `${root}//oci/${good}`,
      `${root}/oci//${good}`,
      `${root}/./oci/${good}`,
      `${root}/x/../oci/${good}`,
      `${root}/../seccomp/oci/${good}`,
      `${root}/oci/../../../../../../../../etc/hostname`,
      `${root}/oci/%2e%2e/${good}`,
      `${root}/oci%2f${good}`,
      `${root}/oci/${good.replace('@', '%40')}`,
      `${root}/oci/${good.replace('sha256', 'SHA256')}`,
      `${root}/OCI/${good}`,
      `${root}/oc\u0456/${good}`,
      `${root}/oci\u200b/${good}`,
      `${root}/oci/\u0000${good}`,
      `${root}/oci/${good}\u0000`,
      `${root}/oci/${good}\n`,
      `${root}/oci/ ${good}`,
      `${root}/oci/${good}?base=localhost/..%2f..%2fetc/hostname`,
      `${root}/oci/${good}?base=localhost//etc/hostname`,
      `${root}/oci/${good}?base=localhost/\u0000`,
      `${root}/oci/${good}?base=RuntimeDefault&base=localhost/x`,
      `${root}/oci/${good}?mode=log`,
      `${root}/oci/${good}#`,
      `${root}/oci/${good}@${good.split('@')[1]}`,
      `${root}/oci/user:password@${good}`,
      `${root}/oci/${'a/'.repeat(5000)}${good}`,
      `oci/${good}`,
      `localhost/${root}/oci/${good}`,
    ];
    for (const localhostRef of paths) {
      const field = createContainer({ seccomp: { profileType: ProfileType.Localhost, localhostRef } });
      await assert.rejects(field, { name: 'CriError' }, JSON.stringify(localhostRef.slice(0, 300)));
      const annotation = { 'seccomp-profile.crio.io/main': localhostRef };
      await assert.rejects(createContainer({ annotations: annotation }), { code: status.INVALID_ARGUMENT });
    }
    await nothingWasMade();
  });

  it('a Localhost reference, when the shim is not there: the runtime finds no such file', async () => {
    const good = await publish(registry.host, 'signed/good', packText(denyChmod), shim.signer);
    const seccomp = { profileType: ProfileType.Localhost, localhostRef: `${shim.seccompRoot}/oci/${good}` };
    await assert.rejects(runPod(direct, { seccomp }), /no such file or directory/);
    await nothingWasMade();
  });

  it('and says so in its log', () => {
    const records = shim.log().filter(({ messageId }) => messageId === 'fairlead.profile.refused');
    assert.ok(records.length > 30);
    assert.ok(
      records.every(({ msg, kind, method }) => msg !== '' && typeof kind === 'string' && typeof method === 'string'),
    );
  });
});
