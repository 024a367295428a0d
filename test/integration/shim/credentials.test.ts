import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { remoteRepository } from '#lib/registry/remote/repository';
import { finishFolder, temporaryFolder } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type CriError, status } from '#test/support/cri/client';
import { containerConfig, sandboxConfig } from '#test/support/cri/pod';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { denyChmod, packText, startTestShim, type TestShim } from '#test/support/cri/shim';
import {
  type AuthConfigSchema,
  CreateContainerResponseSchema,
  ListContainersResponseSchema,
  SecurityProfile_ProfileType as ProfileType,
  SecurityProfileKind,
  VersionResponseSchema,
} from '../../../lib/cri/gen/cri_pb.js';

const user = { username: 'node', password: 'the-right-secret' };
const service = 'runtime.v1.RuntimeService';
const answer = (bytes: Uint8Array) => ({
  kind: 'unary' as const,
  handle: (_call: unknown, callback: (error: null, bytes: Buffer) => void) => callback(null, Buffer.from(bytes)),
});

describePeers(['docker-registry'], 'who the shim is to a registry', () => {
  let registry: Registry;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let folder: string;
  let shim: TestShim | undefined;
  before(async () => {
    registry = await startRegistry({ user });
    folder = temporaryFolder('shim-credentials');
    const version = create(VersionResponseSchema, { runtimeName: 'scripted' });
    const created = create(CreateContainerResponseSchema, { containerId: 'created' });
    runtime = await startScriptedRuntime(path.join(folder, 'runtime.sock'), {
      [`${service}/Version`]: answer(toBinary(VersionResponseSchema, version)),
      [`${service}/CreateContainer`]: answer(toBinary(CreateContainerResponseSchema, created)),
      [`${service}/ListContainers`]: answer(
        toBinary(ListContainersResponseSchema, create(ListContainersResponseSchema)),
      ),
    });
  });
  afterEach(async () => {
    await shim?.stop();
    shim = undefined;
  });
  after(async () => {
    runtime?.kill();
    await registry?.stop();
    finishFolder(folder);
  });

  async function start(...args: string[]): Promise<TestShim> {
    shim = await startTestShim({ runtime: path.join(folder, 'runtime.sock'), registryHost: registry.host, args });
    return shim;
  }

  /** Pushes an artifact of its own as a user who may, and returns its pinned reference. */
  async function publish(repository: string, title: string): Promise<string> {
    const artifact = packText(denyChmod, title);
    const target = remoteRepository({ registry: registry.host, repository }, { credentials: user });
    await pushArtifact(target, artifact, undefined, undefined);
    return `${registry.host}/${repository}@${artifact.descriptor.digest}`;
  }

  const pull = (image: string, auth?: MessageInitShape<typeof AuthConfigSchema>) => {
    assert(shim !== undefined);
    return shim.client.pullSecurityProfileArtifact({
      image: { image },
      profileKind: SecurityProfileKind.Seccomp,
      ...(auth === undefined ? {} : { auth }),
    });
  };

  const unauthenticated = (error: CriError): true => {
    assert.equal(error.code, status.UNAUTHENTICATED, error.message);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  };

  /**
   * The kubelet's two flags, for a provider that notes what it is asked for and answers with the
   * given text.
   */
  function provider(response: string, matchImages = registry.host): { flags: string[]; asked: () => string[] } {
    const log = path.join(folder, 'asked');
    const config = path.join(folder, 'providers.yaml');
    writeFileSync(log, '');
    writeFileSync(path.join(folder, 'answer'), response);
    const script = `#!/bin/sh\nsed "s/^/$1 /" >> ${log}\necho >> ${log}\nexec cat ${folder}/answer\n`;
    writeFileSync(path.join(folder, 'test-provider'), script, { mode: 0o755 });
    writeFileSync(
      config,
      `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: test-provider
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: ["${matchImages}"]
  defaultCacheDuration: 10m
  args: [get-credentials]
`,
    );
    return {
      flags: ['--image-credential-provider-config', config, '--image-credential-provider-bin-dir', folder],
      asked: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    };
  }
  const giving = (password: string): string =>
    JSON.stringify({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderResponse',
      cacheKeyType: 'Registry',
      auth: { [registry.host]: { username: user.username, password } },
    });

  it('is whom the call says: the pull secret that the kubelet found for the pod', async () => {
    const reference = await publish('open/of-the-call', 'a.json');
    await start();
    await assert.rejects(pull(reference), unauthenticated);
    await assert.rejects(pull(reference, { ...user, password: 'a-wrong-secret' }), unauthenticated);
    await assert.rejects(pull(reference, { ...user, serverAddress: 'https://elsewhere.example.com' }), unauthenticated);
    assert.equal((await pull(reference, user)).cached, false);
    // As a dockerconfigjson Secret has it.
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    const other = await publish('open/of-the-call', 'b.json');
    assert.equal((await pull(other, { auth, serverAddress: registry.host })).cached, false);
    assert.doesNotMatch(JSON.stringify(shim?.log()), /secret/);
  });

  it("is whom the kubelet's credential provider says, for pulls and for containers, asked once", async () => {
    const { flags, asked } = provider(giving(user.password));
    const references = await Promise.all(['c', 'd'].map((name) => publish('open/of-the-provider', `${name}.json`)));
    const { client, seccompRoot } = await start(...flags);
    const [first = '', second = ''] = references;
    assert.equal((await pull(first)).cached, false);
    const profile = { profileType: ProfileType.Localhost, localhostRef: `${seccompRoot}/oci/${second}` };
    const { containerId } = await client.createContainer({
      podSandboxId: 'sandbox',
      config: containerConfig({ seccomp: profile }),
      sandboxConfig: sandboxConfig({}, folder),
    });
    assert.equal(containerId, 'created');
    assert.deepEqual(asked(), [
      `get-credentials {"kind":"CredentialProviderRequest","apiVersion":"credentialprovider.kubelet.k8s.io/v1","image":"${registry.host}/open/of-the-provider"}`,
    ]);
  });

  it('is whom the call says, not whom the provider says, where both do', async () => {
    const { flags, asked } = provider(giving(user.password));
    const reference = await publish('open/both', 'e.json');
    await start(...flags);
    await assert.rejects(pull(reference, { ...user, password: 'a-wrong-secret' }), unauthenticated);
    assert.deepEqual(asked(), []);
  });

  it("is whom Docker's configuration says where the provider is not for the registry", async () => {
    const { flags, asked } = provider(giving('a-wrong-secret'), 'registry.example.com');
    const reference = await publish('open/of-the-node', 'f.json');
    const { folder: home } = await start(...flags);
    await assert.rejects(pull(reference), unauthenticated);
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    // As a Kubernetes pull secret is mounted.
    const file = path.join(home, '.dockerconfigjson');
    writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    await shim?.stop();
    process.env['REGISTRY_AUTH_FILE'] = file;
    await start(...flags).finally(() => delete process.env['REGISTRY_AUTH_FILE']);
    assert.equal((await pull(reference)).cached, false);
    assert.deepEqual(asked(), []);
  });

  it('says which provider failed, and shows nothing that it printed', async () => {
    const { flags } = provider('a secret that is not JSON');
    const reference = await publish('open/failing', 'g.json');
    await start(...flags);
    await assert.rejects(pull(reference), (error: CriError) => {
      assert.match(error.message, /test-provider returned/);
      return unauthenticated(error);
    });
    assert.doesNotMatch(JSON.stringify(shim?.log()), /secret/);
  });

  it('does not start with half of the flags, a config that is not there, or a provider that cannot be run', async () => {
    const { flags } = provider(giving(user.password));
    const [configFlag = '', config = '', programsFlag = '', programs = ''] = flags;
    await assert.rejects(start(configFlag, config), /--image-credential-provider-bin-dir/);
    await assert.rejects(start(programsFlag, programs), /--image-credential-provider-config/);
    await assert.rejects(start(configFlag, `${config}.gone`, programsFlag, programs), /providers\.yaml\.gone/);
    await assert.rejects(start(configFlag, config, programsFlag, '/nowhere'), /\/nowhere\/test-provider/);
  });
});
