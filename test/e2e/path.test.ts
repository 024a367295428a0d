import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Condition } from '#lib/kube/conditions';
import { parseReference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { makeImages } from '#test/peers/image';
import { finishFolder, freePort, type Program, startProgram, temporaryFolder } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { run, succeeded } from '#test/support/cli/run';
import { type CriClient, CriError, connectCri } from '#test/support/cri/client';
import { type Pod, type PodOptions, runPod } from '#test/support/cri/pod';
import { KernelLog, kernelLogProblem } from '#test/support/kernel/kernel-log';
import { SecurityProfile_ProfileType } from '../../lib/cri/gen/cri_pb.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fairlead = path.join(root, 'bin/fairlead.js');
const deploy = path.join(root, 'deploy/operator');
const bindings = '/apis/fairlead.dev/v1alpha1/namespaces/web/artifactbindings';
const token = 'a-token-for-the-push-service';
const profile = readFileSync(path.join(root, 'examples/deny-chmod.json'));

/** A place of a pod that names a profile. */
interface Place {
  readonly securityContext?: {
    readonly seccompProfile?: { readonly type: string; readonly localhostProfile?: string };
  };
}

/** The part of a pod of the API that a kubelet hands on to the runtime. */
interface ApiPod {
  readonly metadata: { readonly name: string };
  readonly spec: Place & {
    readonly containers: readonly (Place & {
      readonly name: string;
      readonly image: string;
      readonly command: readonly string[];
    })[];
  };
}

const command = ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 86400 & wait $!; done'];

/** An image in place of which the node runs its test image. */
const imported = 'registry.example.com/app:1';

/** What the kubelet makes of a pod: a Localhost profile becomes a path below its own root. */
function asKubelet(pod: ApiPod): PodOptions {
  const [container] = pod.spec.containers;
  assert.ok(container);
  const { type, localhostProfile } = { ...pod.spec, ...container }.securityContext?.seccompProfile ?? {};
  assert.equal(type, 'Localhost');
  return {
    name: pod.metadata.name,
    containerName: container.name,
    command: container.command,
    ...(container.image !== imported && { image: container.image }),
    seccomp: {
      profileType: SecurityProfile_ProfileType.Localhost,
      localhostRef: path.posix.join('/var/lib/kubelet/seccomp', localhostProfile ?? ''),
    },
  };
}

const requirements = [...new Set(['docker-registry', ...apiserverRequirements, ...containerdRequirements] as const)];

describePeers(requirements, 'a profile on its whole way, from an HTTP request into the kernel', () => {
  const folder = temporaryFolder('e2e');
  const file = (name: string): string => path.join(folder, name);
  const programs: Program[] = [];
  const clients: CriClient[] = [];
  let registry: Registry;
  let containerd: Containerd;
  let api: Apiserver;
  let push: string;
  let reference: string;
  let pod: ApiPod;

  const start = async (name: string, args: string[], ready: () => Promise<boolean>): Promise<void> => {
    programs.push(await startProgram({ name, command: process.execPath, args: [fairlead, ...args], folder, ready }));
  };
  const connect = (socket: string): CriClient => {
    const client = connectCri(socket);
    clients.push(client);
    return client;
  };
  const ask = async (method: string, at: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await api.request(method, at, body);
    assert.ok(answer.status < 300, `${method} ${at}: ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, unknown>;
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!(await holds())) {
      assert.ok(Date.now() < deadline, `${what}: not within 20 s`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  const podOf = (app: string, image = imported) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: app, labels: { app } },
    spec: { containers: [{ name: 'app', image, command }] },
  });
  /** Binds the pods of an application. */
  const bind = (app: string, spec: object) =>
    ask('POST', bindings, {
      ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding', metadata: { name: app } },
      spec: { ...spec, podSelector: { matchLabels: { app } } },
    });
  const createPod = async (pod: object): Promise<ApiPod> =>
    (await ask('POST', '/api/v1/namespaces/web/pods', pod)) as unknown as ApiPod;
  const refused = async (running: Pod, ...program: string[]): Promise<void> => {
    const { exitCode, stderr } = await running.exec(...program);
    assert.equal(exitCode, 1);
    assert.match(stderr, /Operation not permitted/);
  };
  const permitted = async (running: Pod, ...program: string[]): Promise<void> =>
    assert.deepEqual(await running.exec(...program), { exitCode: 0, stdout: '', stderr: '' });

  before(async () => {
    [registry, containerd, api] = await Promise.all([startRegistry(), startContainerd(), startApiserver()]);
    await promisify(execFile)(process.execPath, [fairlead, 'keygen', '--prefix', file('release')], {
      env: { ...process.env, FAIRLEAD_PASSPHRASE: '' },
    });
    writeFileSync(
      file('policy.yaml'),
      JSON.stringify({
        apiVersion: 'fairlead.dev/v1',
        kind: 'TrustPolicy',
        rules: [
          { match: `${registry.host}/security/**`, kinds: ['Seccomp'], require: [{ key: 'release.pub' }], log: true },
        ],
      }),
    );
    writeFileSync(file('token'), token);

    push = `127.0.0.1:${await freePort()}`;
    const policy = ['--policy', file('policy.yaml')];
    const signer = ['--key', file('release.key'), '--token-file', file('token')];
    await start(
      'push',
      ['serve', '--push', push, ...policy, ...signer],
      async () => (await fetch(`http://${push}/readyz`)).ok,
    );

    const runtime = `unix://${containerd.socket}`;
    const shim = ['shim', '--listen', `unix://${file('shim.sock')}`, '--runtime', runtime, '--state', file('state')];
    await start('shim', [...shim, ...policy], async () => existsSync(file('shim.sock')));

    const crds = readdirSync(path.join(deploy, 'crds')).flatMap((name) => documents(`crds/${name}`));
    const [configuration] = documents('webhook.yaml');
    assert.ok(crds.length > 10 && configuration);
    for (const crd of crds) await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
    // The operator keeps its lease in its own namespace.
    for (const namespace of [...documents('namespace.yaml'), { metadata: { name: 'web' } }])
      await ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', ...namespace });

    mkdirSync(file('tls'));
    execFileSync(path.join(deploy, 'certificate.sh'), [file('tls'), 'IP:127.0.0.1']);
    const webhookAddress = `127.0.0.1:${await freePort()}`;
    const tls = ['--tls-cert', file('tls/tls.crt'), '--tls-key', file('tls/tls.key')];
    await start(
      'operator',
      ['operator', '--kubeconfig', api.kubeconfig, '--listen', webhookAddress, ...tls],
      async () => readFileSync(file('operator.log'), 'utf8').includes('listening'),
    );

    const [webhook] = configuration['webhooks'] as [{ clientConfig: { service: { path: string } } }];
    const caBundle = readFileSync(file('tls/ca.crt')).toString('base64');
    const clientConfig = { url: `https://${webhookAddress}${webhook.clientConfig.service.path}`, caBundle };
    await ask('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
      ...configuration,
      webhooks: [{ ...webhook, clientConfig }],
    });
  });

  after(async () => {
    for (const client of clients) client.close();
    for (const program of programs.reverse()) await program.stop();
    await Promise.all([api?.stop(), containerd?.stop(), registry?.stop()]);
    finishFolder(folder);
  });

  it('is published by HTTP, signed, and named by its digest', async () => {
    const answer = await fetch(`http://${push}/v1/profiles?reference=${registry.host}/security/deny-chmod:1`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: profile,
    });
    const published = (await answer.json()) as { reference: string; digest: string; signature: string };
    assert.equal(answer.status, 201, JSON.stringify(published));
    assert.equal(published.reference, `${registry.host}/security/deny-chmod@${published.digest}`);
    assert.match(published.signature, /^sha256:/);
    reference = published.reference;
  });

  it('is written into the pod that a binding selects', async () => {
    await until('the CRD is served', async () => (await api.request('GET', bindings)).status === 200);
    await bind('web', { reference });
    const body = podOf('web');
    // An API server takes up a new webhook a moment after it has answered, and the operator is
    // ready a moment after the APIs are served.
    await until('the webhook is called', async () => {
      const dry = await api.request('POST', '/api/v1/namespaces/web/pods?dryRun=All', body);
      return dry.status === 201 && (dry.body as unknown as ApiPod).spec.securityContext?.seccompProfile !== undefined;
    });
    pod = await createPod(body);
    assert.deepEqual(pod.spec.securityContext?.seccompProfile, {
      type: 'Localhost',
      localhostProfile: `oci/${reference}`,
    });
  });

  it('holds in the kernel where the shim stands before the runtime', async () => {
    const running = await runPod(connect(file('shim.sock')), asKubelet(pod));
    await permitted(running, 'touch', '/tmp/x');
    await refused(running, 'chmod', '600', '/tmp/x');
    await running.remove();
  });

  it('only logs in the kernel if the binding asks for it, and the baseline holds', async () => {
    await bind('trial', { reference, mode: 'Log' });
    const trial = await createPod(podOf('trial'));
    const { localhostProfile } = trial.spec.securityContext?.seccompProfile ?? {};
    assert.equal(localhostProfile, `oci/${reference}?mode=log`);
    const log = kernelLogProblem() === false ? new KernelLog() : undefined;
    const running = await runPod(connect(file('shim.sock')), asKubelet(trial));
    await permitted(running, 'touch', '/tmp/x');
    await permitted(running, 'chmod', '600', '/tmp/x');
    await refused(running, 'unshare', '-m', 'true');
    if (log !== undefined) {
      // The kernel prints ten records in five seconds, whichever container they are of.
      await until('the kernel has logged a call', async () => {
        await permitted(running, 'chmod', '600', '/tmp/x');
        return log.records().some((record) => /type=1326 .* comm="chmod" .* code=0x7ffc0000/.test(record));
      });
      log.close();
    }
    await running.remove();
  });

  it('is found by the image of a container, which the operator has looked up ahead', async () => {
    const repository = `${registry.host}/security/app`;
    const [image] = await makeImages();
    writeFileSync(file('image.tar'), image?.archive ?? '');
    const env = { FAIRLEAD_PASSPHRASE: '' };
    succeeded(await run(process.execPath, [fairlead, 'load', file('image.tar'), `${repository}:1`], { env }));
    const { digest } = await remoteRepository(parseReference(`${repository}:1`)).resolve('1');
    const named = `${repository}@${digest}`;
    const attach = ['push', path.join(root, 'examples/deny-chmod.json'), `${repository}:profile`];
    const signed = ['--subject', named, '--key', file('release.key')];
    succeeded(await run(process.execPath, [fairlead, ...attach, ...signed], { env }));

    const key = readFileSync(file('release.pub'), 'utf8');
    await ask('POST', '/apis/fairlead.dev/v1alpha1/trustpolicies', {
      ...{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'TrustPolicy', metadata: { name: 'default' } },
      spec: { rules: [{ match: `${registry.host}/security/**`, require: [{ key }] }] },
    });
    await bind('by-image', { profileFrom: 'ImageReferrers' });
    const body = podOf('by-image', named);
    const { metadata, spec } = body;
    await ask('POST', '/apis/apps/v1/namespaces/web/replicasets', {
      ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'by-image' } },
      spec: { selector: { matchLabels: metadata.labels }, template: { metadata: { labels: metadata.labels }, spec } },
    });
    const dryRun = '/api/v1/namespaces/web/pods?dryRun=All';
    await until('the pod is admitted', async () => (await api.request('POST', dryRun, body)).status === 201);
    const byImage = await createPod(body);
    const client = connect(file('shim.sock'));
    // The node has this image already, under another name.
    containerd.ctr('images', 'tag', image?.reference ?? '', named);
    const request = { image: { image: named } };
    await until('the image is known', async () => (await client.imageStatus(request)).image !== undefined);
    const running = await runPod(client, asKubelet(byImage));
    await permitted(running, 'touch', '/tmp/x');
    await refused(running, 'chmod', '600', '/tmp/x');
    await running.remove();
  });

  it('is refused by the shim, which the status of the binding states', async () => {
    const elsewhere = `${registry.host}/elsewhere/x@sha256:${'ab'.repeat(32)}`;
    await bind('elsewhere', { reference: elsewhere });
    const body = podOf('elsewhere');
    const denied = await createPod({ ...body, spec: { ...body.spec, nodeName: 'node' } });
    const error = await runPod(connect(file('shim.sock')), asKubelet(denied)).then(
      () => assert.fail('it was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof CriError);
    // As the kubelet does, which takes the message out of the status of the call.
    const state = { waiting: { reason: 'CreateContainerError', message: error.message } };
    const status = { name: 'app', image: '', imageID: '', ready: false, restartCount: 0, state };
    const at = '/api/v1/namespaces/web/pods/elsewhere/status';
    const patch = { status: { phase: 'Pending', containerStatuses: [status] } };
    assert.equal((await api.request('PATCH', at, patch, 'application/merge-patch+json')).status, 200);
    await until('the binding states it', async () => {
      const { body: binding } = await api.request('GET', `${bindings}/elsewhere`);
      const { conditions = [] } =
        (binding as { readonly status?: { readonly conditions?: readonly Condition[] } }).status ?? {};
      return conditions.some(
        ({ type, reason, message }) =>
          `${type} ${reason}` === 'NodesAccept NodesRefuse' &&
          /^Nodes refuse it\. Pod web\/elsewhere on node node waits: NotAllowed: .* does not allow Seccomp/.test(
            message,
          ),
      );
    });
  });

  it('fails closed where there is no shim', async () => {
    const direct = connect(containerd.socket);
    await assert.rejects(runPod(direct, asKubelet(pod)), (error) => {
      assert.ok(error instanceof CriError);
      assert.match(error.message, /no such file or directory/);
      return true;
    });
    assert.deepEqual((await direct.listContainers()).containers, []);
  });
});

function documents(name: string): Record<string, unknown>[] {
  return parseAllDocuments(readFileSync(path.join(deploy, name), 'utf8')).map((document) => document.toJS());
}
