import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { openStore } from '#lib/node/store/store';
import { generateKeyPair } from '#lib/trust/keys/key';
import type { BytesClient } from '#test/support/cri/scripted-runtime';
import { denyingPolicy, ShimInProcess } from '#test/support/cri/shim-in-process';
import { ServingRegistry } from '#test/support/faults/serving-registry';
import {
  CreateContainerRequestSchema,
  SecurityProfile_ProfileType as ProfileType,
  PullSecurityProfileArtifactRequestSchema,
  SecurityProfileKind,
  StatusResponseSchema,
} from '../lib/cri/gen/cri_pb.js';
import type { Shim, ShimOptions } from './shim.ts';

const service = 'runtime.v1.RuntimeService';
const reference = `127.0.0.1:1/security/nginx@sha256:${'ab'.repeat(32)}`;
const allow = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "127.0.0.1:1/**", unsigned: true}\n';

describe('shim', () => {
  let node: ShimInProcess;
  let directory: string;
  let created: Buffer[];
  const start = (options?: Partial<ShimOptions>): Promise<Shim> => node.start(options);
  const connect = (): BytesClient => node.connect();
  const pull = (client: BytesClient) => {
    const request = create(PullSecurityProfileArtifactRequestSchema, {
      image: { image: reference },
      profileKind: SecurityProfileKind.Seccomp,
    });
    const bytes = toBinary(PullSecurityProfileArtifactRequestSchema, request);
    return client.unary('runtime.v1.ImageService/PullSecurityProfileArtifact', bytes);
  };

  beforeEach(async () => {
    created = [];
    const status: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, Buffer.alloc(0));
    const creation: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      created.push(call.request);
      callback(null, Buffer.alloc(0));
    };
    node = await ShimInProcess.prepare({
      [`${service}/Status`]: { kind: 'unary', handle: status },
      [`${service}/CreateContainer`]: { kind: 'unary', handle: creation },
    });
    directory = node.directory;
  });
  afterEach(() => node.end());

  it('serves, and leaves nothing behind but its state', async () => {
    const shim = await start();
    const { message } = await connect().unary(`${service}/Status`, new Uint8Array());
    assert.equal(fromBinary(StatusResponseSchema, message).features?.securityProfileOciArtifact, true);
    assert.equal((await stat(join(directory, 'shim.sock'))).mode & 0o777, 0o600);
    await shim.stop();
    assert.deepEqual((await readdir(directory)).sort(), ['policy.yaml', 'runtime.sock', 'state']);
    await (await start()).stop();
  });

  it('hands the runtime an absolute path, however --state is spelled', async () => {
    await mkdir(join(directory, 'disk', 'deep'), { recursive: true });
    await symlink(join(directory, 'disk', 'deep'), join(directory, 'link'));
    const spellings = [
      [relative(process.cwd(), join(directory, 'one')), join(directory, 'one')],
      // What `..` stands for is the file system's to say: above the directory that the link leads
      // to.
      [`${directory}/link/../two`, join(directory, 'disk', 'two')],
      [`${directory}/link`, join(directory, 'disk', 'deep')],
    ] as const;
    for (const [spelled, root] of spellings) {
      const store = await openStore(spelled);
      const path = await store.effective.put(Buffer.from('{}'));
      await store.close();
      assert.equal(dirname(path), join(root, 'effective'), spelled);
      assert.equal(await readFile(path, 'utf8'), '{}', spelled);
    }
  });

  it('does not listen on the socket of the runtime, under any name', async () => {
    node.killRuntime(); // so that no process answers there, as before the runtime has started
    await rm(join(directory, 'runtime.sock'), { force: true });
    await symlink(directory, `${directory}.link`);
    node.onEnd(() => rm(`${directory}.link`));
    for (const listen of ['runtime.sock', './runtime.sock'].map((name) => `${directory}/${name}`)) {
      await assert.rejects(start({ listen: `unix://${listen}` }), { kind: 'InvalidInput', message: /runtime/ }, listen);
    }
    await assert.rejects(start({ listen: `unix://${directory}.link/runtime.sock` }), { kind: 'InvalidInput' });
    assert.ok(!(await readdir(directory)).includes('runtime.sock'));
  });

  it('does not start with a socket in a directory where others can put theirs', async () => {
    const open = join(directory, 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    for (const option of ['listen', 'runtime', 'admin']) {
      await assert.rejects(start({ [option]: `unix://${open}/a.sock` }), {
        kind: 'InvalidInput',
        message: /can change/,
        hint: /chmod go-w/,
      });
    }
  });

  it('does not start on a broken policy, in a directory in use, or at invalid addresses, and undoes what it began', async () => {
    await writeFile(join(directory, 'policy.yaml'), 'rules: [');
    await assert.rejects(start(), { kind: 'InvalidInput' });
    await rm(join(directory, 'policy.yaml'));
    await assert.rejects(start(), { kind: 'InvalidInput', message: /policy\.yaml does not exist/ });
    await writeFile(join(directory, 'policy.yaml'), denyingPolicy);
    await start();
    await assert.rejects(start({ listen: `unix://${join(directory, 'other.sock')}` }), {
      kind: 'Conflict',
      message: /state directory/,
    });
    await assert.rejects(start({ state: join(directory, 'other') }), { kind: 'Conflict', message: /listens/ });
    await assert.rejects(start({ listen: 'localhost:5000' }), { kind: 'InvalidInput' });
    await assert.rejects(start({ seccompRoot: 'relative' }), { kind: 'InvalidInput' });
    await assert.rejects(start({ metrics: 'here' }), { kind: 'InvalidInput' });
    await assert.rejects(start({ metrics: '127.0.0.1:99999' }), { kind: 'InvalidInput', message: /99999/ });
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await assert.rejects(start({ metrics: `127.0.0.1:${port}` }), { kind: 'Unavailable', message: /listen.*metrics/ });
    taken.close();
    const elsewhere = { state: join(directory, 'third') };
    const long = `unix://${join(directory, 'x'.repeat(120))}`;
    await assert.rejects(start({ ...elsewhere, listen: long }), { kind: 'InvalidInput', message: /listen on .*xxx/ });
    await assert.rejects(start({ ...elsewhere, listen: 'unix:///proc/x/s.sock' }), { kind: 'InvalidInput' });
    assert.ok(!(await readdir(directory)).includes('other.sock'));
  });

  it('writes its decisions to the decision log', async () => {
    const decisionLog = join(directory, 'decisions.jsonl');
    await start({ decisionLog });
    await assert.rejects(pull(connect()), { code: 7 });
    const [line = ''] = (await readFile(decisionLog, 'utf8')).split('\n');
    const { outcome, error, policy } = JSON.parse(line);
    assert.deepEqual([outcome, error, policy], ['refused', 'NotAllowed', join(directory, 'policy.yaml')]);
  });

  it('follows the policy, and keeps the one in force where a new one does not parse', async () => {
    const shim = await start({ metrics: '127.0.0.1:0' });
    const client = connect();
    const gauge = async () =>
      /^fairlead_shim_policy_in_force (\d)$/m.exec(await (await fetch(`http://${shim.metrics}/metrics`)).text())?.[1];
    await assert.rejects(pull(client), { code: 7 });
    await writeFile(join(directory, 'policy.yaml'), allow);
    await shim.reload();
    await assert.rejects(pull(client), { code: 14, details: /^RegistryUnavailable: / });
    await writeFile(join(directory, 'policy.yaml'), 'rules: [');
    await shim.reload();
    await shim.reload();
    assert.equal(await gauge(), '0');
    assert.equal(node.records.filter(({ messageId }) => messageId === 'fairlead.policy.broken').length, 1);
    await assert.rejects(pull(client), { code: 14 });
    await writeFile(join(directory, 'policy.yaml'), denyingPolicy);
    await shim.reload();
    assert.equal(await gauge(), '1');
    await assert.rejects(pull(client), { code: 7 });
    const metrics = await (await fetch(`http://${shim.metrics}/metrics`)).text();
    assert.match(
      metrics,
      /fairlead_shim_refusals_total\{method="runtime.v1.ImageService\/PullSecurityProfileArtifact",kind="NotAllowed"\} 2/,
    );
    assert.equal((await fetch(`http://${shim.metrics}/`)).status, 404);
  });

  it('logs and counts a pull whose client goes away while the registry does not answer', async () => {
    const registry = await new ServingRegistry().start();
    node.onEnd(() => registry.stop());
    registry.silent = true;
    await writeFile(join(directory, 'policy.yaml'), allow.replace('127.0.0.1:1/**', `${registry.host}/**`));
    const shim = await start({ metrics: '127.0.0.1:0' });
    const client = connect();
    const asked = registry.nextSilence();
    const image = `${registry.host}/security/nginx@sha256:${'ab'.repeat(32)}`;
    const request = toBinary(
      PullSecurityProfileArtifactRequestSchema,
      create(PullSecurityProfileArtifactRequestSchema, {
        ...{ image: { image }, profileKind: SecurityProfileKind.Seccomp },
        sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
      }),
    );
    const method = 'runtime.v1.ImageService/PullSecurityProfileArtifact';
    const same = (bytes: Buffer): Buffer => bytes;
    const call = client.makeUnaryRequest(`/${method}`, same, same, Buffer.from(request), () => undefined);
    await asked;
    call.cancel();
    const abandoned = () => node.records.filter(({ messageId }) => messageId === 'fairlead.call.abandoned');
    for (let waited = 0; abandoned().length === 0 && waited < 5000; waited += 20) await delay(20);
    const [{ level, pod, reference, cause } = {}] = abandoned();
    assert.deepEqual([level, pod, reference, cause], ['warn', 'web/nginx-0', image, 'cancelled']);
    const metrics = await (await fetch(`http://${shim.metrics}/metrics`)).text();
    assert.ok(metrics.includes(`fairlead_shim_abandoned_calls_total{method="${method}",cause="cancelled"} 1`));
  });

  it('sends what asks for nothing on byte for byte, and nothing that it refuses', async () => {
    await start({ seccompRoot: '/srv/kubelet/seccomp/' });
    const client = connect();
    const container = (localhostRef: string) =>
      toBinary(
        CreateContainerRequestSchema,
        create(CreateContainerRequestSchema, {
          config: {
            metadata: { name: 'main' },
            linux: { securityContext: { seccomp: { profileType: ProfileType.Localhost, localhostRef } } },
          },
          sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
        }),
      );
    // Fields out of order and an unknown one: re-encoded, it would be other bytes.
    const odd = Buffer.concat([
      Buffer.from([0x92, 0x4e, 2, 9, 9]),
      container('/srv/kubelet/seccomp/a.json'),
      Buffer.from([0x0a, 1, 65]),
    ]);
    await client.unary(`${service}/CreateContainer`, odd);
    await assert.rejects(
      client.unary(`${service}/CreateContainer`, container(`/srv/kubelet/seccomp/oci/${reference}`)),
      { code: 7 },
    );
    await assert.rejects(client.unary(`${service}/CreateContainer`, Buffer.from([0x12, 9])), { code: 3 });
    assert.equal(created.length, 1);
    assert.ok(created[0]?.equals(odd));
    const refused = node.records.filter(({ messageId }) => messageId === 'fairlead.profile.refused');
    assert.deepEqual(
      refused.map(({ pod, container }) => [pod, container]),
      [
        ['web/nginx-0', 'main'],
        [undefined, undefined],
      ],
    );
  });

  it('reports annotations that are not applied, and only those', async () => {
    const shim = await start({ metrics: '127.0.0.1:0' });
    const client = connect();
    const key = 'seccomp-profile.crio.io/main';
    const container = (seccomp: object, annotations: Record<string, string>) =>
      client.unary(
        `${service}/CreateContainer`,
        toBinary(
          CreateContainerRequestSchema,
          create(CreateContainerRequestSchema, {
            config: { metadata: { name: 'main' }, linux: { securityContext: { seccomp } } },
            sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' }, annotations },
          }),
        ),
      );
    const ignored = () => node.records.filter(({ messageId }) => messageId === 'fairlead.annotation.ignored');
    await container({ profileType: ProfileType.RuntimeDefault }, { other: reference });
    await container({ profileType: ProfileType.RuntimeDefault }, { 'seccomp-profile.crio.io/other': reference });
    await assert.rejects(container({ profileType: ProfileType.Unconfined }, { [key]: reference }), { code: 7 });
    await assert.rejects(container({ profileType: ProfileType.OCI, ociRef: reference }, { [key]: reference }), {
      code: 7,
    });
    assert.deepEqual(ignored(), []);
    await container({ profileType: ProfileType.RuntimeDefault }, { [key]: reference });
    const localhostRef = '/var/lib/kubelet/seccomp/a.json';
    const pod = 'seccomp-profile.kubernetes.cri-o.io/POD';
    await container({ profileType: ProfileType.Localhost, localhostRef }, { [key]: reference, [pod]: 'invalid' });
    assert.deepEqual(
      ignored().map((record) => [record['level'], record['pod'], record['container'], record['annotations']]),
      [
        ['warn', 'web/nginx-0', 'main', [key]],
        ['warn', 'web/nginx-0', 'main', [key, pod]],
      ],
    );
    assert.equal(created.length, 4, 'the containers are created');
    const metrics = await (await fetch(`http://${shim.metrics}/metrics`)).text();
    assert.match(metrics, /^fairlead_shim_ignored_annotations_total 2$/m);
  });

  it('does not start with a policy, a key, a directory, a decision log or credential providers that others can change', async () => {
    const { publicKey } = await generateKeyPair();
    const below = join(directory, 'below');
    const [policy, key, config] = ['policy.yaml', 'release.pub', 'providers.yaml'].map((name) => join(below, name)) as [
      string,
      string,
      string,
    ];
    await mkdir(below, { mode: 0o755 });
    await writeFile(key, publicKey);
    await writeFile(config, 'apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders: []\n');
    await writeFile(policy, `${denyingPolicy.replace('[]', '')}  - {match: "**", require: [{key: release.pub}]}\n`);
    const providers = { imageCredentialProviderConfig: config, imageCredentialProviderBinDir: below };
    const decisionLog = join(below, 'logs', 'decisions.jsonl');
    await mkdir(dirname(decisionLog), { mode: 0o755 });
    for (const path of [policy, key, below, directory, config, dirname(decisionLog)]) {
      const { mode } = await stat(path);
      await chmod(path, 0o777);
      const state = join(below, 'state');
      const options = path === config ? { policy, ...providers } : { policy, state, decisionLog };
      await assert.rejects(start(options), (error: Error & { kind?: string; hint?: string }) => {
        assert.equal(error.kind, 'InvalidInput');
        assert.match(error.message, /users other than root and this one can change/);
        assert.ok(error.hint?.endsWith(`chmod go-w ${path}`), error.hint);
        return true;
      });
      await chmod(path, mode & 0o7777);
    }
    await start({ policy, state: join(below, 'state') });
  });

  it('keeps the policy in force if others can change its file, and reports the next step', async () => {
    const policy = join(directory, 'policy.yaml');
    const shim = await start();
    const client = connect();
    await assert.rejects(pull(client), { code: 7 });
    await writeFile(policy, allow);
    await chmod(policy, 0o666);
    await shim.reload();
    await assert.rejects(pull(client), { code: 7 });
    const [broken] = node.records.filter(({ messageId }) => messageId === 'fairlead.policy.broken');
    assert.match(String(broken?.['hint']), /chmod go-w .*policy\.yaml$/);
    await chmod(policy, 0o644);
    await shim.reload();
    await assert.rejects(pull(client), { code: 14 }); // allowed: no registry listens there
  });
});
