import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { type Shim, type ShimOptions, startShim } from '#cri-shim/shim';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { openStore } from '#lib/node/store/store';
import { readProfile } from '#lib/profile/read-profile';
import { runFairlead } from '#test/support/cli/run';
import { type CriClient, connectCri } from '#test/support/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import * as cri from '../../../lib/cri/gen/cri_pb.js';

const service = 'runtime.v1.RuntimeService';
const repository = '127.0.0.1:1/team/nginx';
const text = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO' }],
});
const artifact = packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime' });
const { digest } = artifact.descriptor;
const reference = `${repository}@${digest}`;
const absent = `${repository}@sha256:${'ab'.repeat(32)}`;

describe('fairlead node', () => {
  let directory: string;
  let shim: Shim;
  let start: (options?: Partial<ShimOptions>) => Promise<Shim>;
  let client: CriClient;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  const fake = new FakeRuntime();
  const removed = new Set<string>();
  const records: { readonly messageId?: string; readonly reference?: string }[] = [];
  const at = (name: string) => join(directory, name);
  const node = (command: string, ...args: string[]) =>
    runFairlead(['node', command, '--socket', `unix://${at('admin.sock')}`, ...args]);
  async function json<T>(command: string, ...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await node(command, ...args, '--output', 'json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-node-'));
    const store = await openStore(at('state'));
    await store.put({ artifact, kind: 'Seccomp', repository, caller: 'node', signatures: [] });
    await store.close();
    await writeFile(
      at('policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "127.0.0.1:1/team/**", unsigned: true, log: true}\n',
    );
    await writeFile(at('prepull'), `# the web team\nSeccomp ${reference}\n\nSeccomp ${absent}\n`);
    const list = <D extends DescMessage>(schema: D, message: () => MessageInitShape<D>) => {
      const handle: handleUnaryCall<Buffer, Buffer> = (_call, callback) =>
        callback(null, Buffer.from(toBinary(schema, create(schema, message()))));
      return { kind: 'unary' as const, handle };
    };
    const statusOf: handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
      const { containerId } = fromBinary(cri.ContainerStatusRequestSchema, request);
      if (removed.has(containerId)) callback({ code: status.NOT_FOUND, details: 'not found' });
      else callback(null, Buffer.from(fake.answer(`${service}/ContainerStatus`, request)));
    };
    runtime = await startScriptedRuntime(at('runtime.sock'), {
      ...fake.methods(),
      [`${service}/ContainerStatus`]: { kind: 'unary', handle: statusOf },
      [`${service}/ListPodSandbox`]: list(cri.ListPodSandboxResponseSchema, () => ({
        items: [{ id: 's1', metadata: { namespace: 'web', name: 'nginx-0' } }],
      })),
      [`${service}/ListContainers`]: list(cri.ListContainersResponseSchema, () => ({
        containers: fake.created.map(({ config }, index) => ({
          id: `c${index + 1}`,
          podSandboxId: 's1',
          state: cri.ContainerState.CONTAINER_RUNNING,
          metadata: { name: config?.metadata?.name ?? '' },
        })),
      })),
    });
    fake.onCreate = (id, { config }) => {
      const path = config?.linux?.securityContext?.seccomp?.localhostRef ?? '';
      const context = path === '' ? { seccomp: {} } : { seccomp: { profile_type: 2, localhost_ref: path } };
      const spec = { process: { apparmorProfile: 'cri-containerd.apparmor.d' }, linux: { seccomp: {} } };
      fake.infos.set(id, JSON.stringify({ config: { linux: { security_context: context } }, runtimeSpec: spec }));
    };
    const log = pino({ level: 'debug' }, { write: (line: string) => void records.push(JSON.parse(line)) });
    start = (options = {}) =>
      startShim({
        listen: `unix://${at('shim.sock')}`,
        runtime: `unix://${at('runtime.sock')}`,
        ...{ policy: at('policy.yaml'), state: at('state') },
        ...{ admin: `unix://${at('admin.sock')}`, log, build: { version: '1.2.3', commit: 'abc' } },
        ...options,
      });
    shim = await start({ prepull: at('prepull') });
    client = connectCri(at('shim.sock'));
    await client.createContainer({
      podSandboxId: 's1',
      config: {
        metadata: { name: 'web' },
        linux: {
          securityContext: { seccomp: { profileType: cri.SecurityProfile_ProfileType.OCI, ociRef: reference } },
        },
      },
      sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
    });
    await client.createContainer({ podSandboxId: 's1', config: { metadata: { name: 'plain' } } });
  });
  after(async () => {
    client.close();
    await shim.stop();
    runtime.kill();
    await rm(directory, { recursive: true });
  });

  it('has a socket that only its user can open', async () => {
    assert.equal((await stat(at('admin.sock'))).mode & 0o777, 0o600);
  });

  it('status shows version, runtime, policy, store and the latest refusals', async () => {
    await assert.rejects(
      client.createContainer({
        podSandboxId: 's1',
        config: {
          metadata: { name: 'evil' },
          linux: {
            securityContext: {
              seccomp: { profileType: cri.SecurityProfile_ProfileType.OCI, ociRef: `127.0.0.1:1/x@${digest}` },
            },
          },
        },
        sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-1' } },
      }),
    );
    const shown = await json<Record<string, unknown>>('status');
    const { version, commit, isReady, runtime: of, policy, store, refusals } = shown;
    assert.deepEqual([version, commit, isReady], ['1.2.3', 'abc', true]);
    assert.deepEqual(of, { socket: at('runtime.sock'), name: 'cri-o', version: '1.37.0' });
    const { revision, ...rest } = policy as { revision: string };
    assert.match(revision, /^[0-9a-f]{64}$/);
    assert.deepEqual(rest, { source: at('policy.yaml'), rules: 1 });
    const { bytes, ...held } = store as { bytes: number };
    assert.deepEqual(held, { directory: at('state'), artifacts: 1 });
    assert.ok(bytes > text.length);
    const [{ time, message, ...refusal }] = refusals as [Record<string, unknown>];
    assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
    assert.match(String(message), /its only rule does not match/);
    assert.deepEqual(refusal, {
      ...{ method: `${service}/CreateContainer`, kind: 'NotAllowed' },
      ...{ pod: 'web/nginx-1', container: 'evil' },
    });
    const { stdout } = await node('status');
    assert.match(stdout, /^shim {5}1\.2\.3, abc\nup .*\nready {4}yes\nruntime {2}cri-o 1\.37\.0, /);
    assert.match(stdout, /web\/nginx-1 +evil /);
  });

  it('profiles lists artifacts with rule, use and containers', async () => {
    const { profiles } = await json<{ profiles: Record<string, unknown>[] }>('profiles');
    const [{ bytes, lastUsed, ...profile } = {}] = profiles;
    assert.equal(profiles.length, 1);
    assert.ok(Number(bytes) > 0 && Date.parse(String(lastUsed)) > 0);
    assert.deepEqual(profile, {
      ...{ kind: 'Seccomp', digest, references: [reference], rule: '127.0.0.1:1/team/**', signers: [] },
      containers: ['c1'],
    });
    assert.match((await node('profiles')).stdout, / none: the rule requires no signature +1 /);
  });

  it('explain shows what the containers of a pod run under', async () => {
    const { containers } = await json<{ containers: Record<string, unknown>[] }>('explain', 'web/nginx-0');
    const [sandbox, web, plain] = containers;
    assert.deepEqual(sandbox, { id: 's1', state: 'sandbox', artifacts: [], applied: [], runtime: {} });
    const [{ time, installed, constrained, ...applied } = {}] = (web?.['applied'] ?? []) as Record<string, unknown>[];
    assert.ok(Date.parse(String(time)) > 0);
    assert.match(String(installed), new RegExp(`^${at('state')}/effective/[0-9a-f]{64}\\.json$`));
    // The baseline permits less than a profile that allows by default.
    assert.ok(Number((constrained as { baseline?: number }).baseline) > 0);
    assert.deepEqual(applied, { kind: 'Seccomp', reference, rule: '127.0.0.1:1/team/**', signers: [] });
    assert.deepEqual(web?.['runtime'], { seccomp: installed, appArmor: 'cri-containerd.apparmor.d' });
    assert.deepEqual(
      [web?.['id'], web?.['name'], web?.['state'], web?.['artifacts']],
      ['c1', 'web', 'running', [digest]],
    );
    assert.deepEqual([plain?.['name'], plain?.['artifacts'], plain?.['applied']], ['plain', [], []]);
    assert.deepEqual(plain?.['runtime'], { seccomp: 'RuntimeDefault', appArmor: 'cri-containerd.apparmor.d' });
    const { stdout } = await node('explain', 'nginx-0', '-n', 'web');
    assert.match(stdout, /container web \(running, c1\)\n {2}artifact +Seccomp 127\.0\.0\.1:1\/team\/nginx@sha256:/);
    const missing = await node('explain', 'web/other');
    assert.equal(missing.code, 7);
    assert.match(missing.stderr, /no pod web\/other/);
  });

  it('explain distinguishes containers of one name with one artifact', async () => {
    const create = (localhostProfile: string) =>
      client.createContainer({
        podSandboxId: 's1',
        config: {
          metadata: { name: 'again' },
          linux: {
            securityContext: {
              seccomp: {
                profileType: cri.SecurityProfile_ProfileType.Localhost,
                localhostRef: `/var/lib/kubelet/seccomp/oci/${localhostProfile}`,
              },
            },
          },
        },
        sandboxConfig: { metadata: { namespace: 'web', name: 'nginx-0' } },
      });
    await create(reference);
    await create(`${reference}?mode=log`);
    const { containers } = await json<{ containers: { name?: string; applied: { mode?: string }[] }[] }>(
      'explain',
      'web/nginx-0',
    );
    const again = containers.filter(({ name }) => name === 'again');
    assert.deepEqual(
      again.map(({ applied }) => applied.map(({ mode = 'Enforce' }) => mode)),
      [['Enforce'], ['Log']],
    );
  });

  it('explain leaves out a container that is removed meanwhile', async () => {
    removed.add('c1');
    const { containers } = await json<{ containers: { id: string }[] }>('explain', 'web/nginx-0');
    removed.clear();
    assert.deepEqual(
      containers.map(({ id }) => id),
      ['s1', 'c2', 'c3', 'c4'],
    );
  });

  it('is ready while an artifact to pull before cannot be pulled, which it reports', async () => {
    const outcomes = () => records.filter(({ messageId = '' }) => messageId.startsWith('fairlead.prepull.'));
    while (outcomes().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      outcomes().map(({ messageId, reference: of }) => [messageId, of]),
      [
        ['fairlead.prepull.done', reference],
        ['fairlead.prepull.failed', absent],
      ],
    );
  });

  it('explain and profiles show the same after a restart', async () => {
    const shown = async () => {
      const { profiles } = await json<{ profiles: { signers: unknown }[] }>('profiles');
      return [await json('explain', 'web/nginx-0'), profiles.map(({ signers }) => signers)];
    };
    const before = await shown();
    await shim.stop();
    shim = await start();
    assert.deepEqual(await shown(), before);
  });

  it('explain shows what the shim refused for a pod, also if the runtime has nothing of the pod', async () => {
    await assert.rejects(
      client.createContainer({
        podSandboxId: 's2',
        config: {
          metadata: { name: 'web' },
          linux: {
            securityContext: {
              seccomp: { profileType: cri.SecurityProfile_ProfileType.OCI, ociRef: `127.0.0.1:1/x@${digest}` },
            },
          },
        },
        sandboxConfig: { metadata: { namespace: 'web', name: 'refused-0' } },
      }),
    );
    const found = await json<{ containers: unknown[]; refusals: Record<string, unknown>[] }>(
      'explain',
      'web/refused-0',
    );
    assert.deepEqual(found.containers, []);
    assert.deepEqual(
      found.refusals.map(({ kind, pod, container }) => [kind, pod, container]),
      [['NotAllowed', 'web/refused-0', 'web']],
    );
    const { stdout } = await node('explain', 'web/refused-0');
    assert.match(
      stdout,
      /^refused {2}\d{4}-[\d-]+T\S+Z\n {2}reason +Fairlead refuses the security profile 127\.0\.0\.1:1\/x@/,
    );
    assert.deepEqual((await json<{ refusals: unknown[] }>('explain', 'web/nginx-0')).refusals, []);
  });

  it('gc keeps what was asked for in the last two minutes', async () => {
    assert.deepEqual(await json('gc'), { schemaVersion: 1, artifacts: [], effective: [], appArmor: [] });
    assert.equal((await readdir(at('state/effective'))).length, 2);
    assert.match((await node('gc')).stdout, /^nothing was removed: .* 64 MiB.* two minutes/);
  });

  it('answers a request for a pod that is not encoded correctly', async () => {
    const { status: code, body } = await new Promise<{ status: number | undefined; body: string }>(
      (resolve, reject) => {
        const sent = request({ socketPath: at('admin.sock'), path: '/v1/pods/web/%zz' }, async (response) => {
          resolve({ status: response.statusCode, body: (await response.toArray()).join('') });
        });
        sent.once('error', reject).end();
      },
    );
    assert.deepEqual([code, JSON.parse(body)], [404, { ...JSON.parse(body), kind: 'NotFound' }]);
    assert.match(body, /does not serve GET \/v1\/pods\/web\/%zz/);
  });

  it('pull verifies an artifact, and says why not', async () => {
    assert.deepEqual(await json('pull', reference), {
      ...{ schemaVersion: 1, reference, kind: 'Seccomp', digest, cached: true },
      ...{ rule: '127.0.0.1:1/team/**', signers: [] },
    });
    assert.equal((await node('pull', `127.0.0.1:1/x@${digest}`)).code, 4);
    assert.equal((await node('pull', `${repository}:latest`)).code, 2);
    const other = await node('pull', reference, '--kind', 'apparmor');
    assert.equal(other.code, 3);
    assert.match(other.stderr, /is a profile of kind Seccomp, not AppArmor/);
  });

  it('reports that no shim answers, and what to do', async () => {
    const { code, stderr } = await runFairlead(['node', 'status', '--socket', `unix://${at('none.sock')}`]);
    assert.equal(code, 8);
    assert.match(stderr, /no shim answers on unix:[\s\S]*--admin.*fairlead node doctor/);
  });

  describe('doctor', () => {
    const doctor = async (...args: string[]) => {
      const where = ['--listen', `unix://${at('shim.sock')}`, '--lsm', `unix://${at('lsm.sock')}`];
      const files = ['--policy', at('policy.yaml'), '--state', at('state')];
      const runtimeSocket = ['--runtime', `unix://${at('runtime.sock')}`];
      const finished = await node('doctor', ...where, ...files, ...runtimeSocket, ...args, '--output', 'json');
      const { checks } = JSON.parse(finished.stdout) as {
        checks: { name: string; result: string; seen: string; hint?: string }[];
      };
      return { ...finished, checks: new Map(checks.map((check) => [check.name, check])) };
    };

    it('finds a node that works', async () => {
      const { checks } = await doctor();
      assert.deepEqual(
        [...checks.keys()],
        ['shim', 'kubelet', 'runtime', 'baseline', 'policy', 'state', 'clock', 'AppArmor', 'SELinux'],
      );
      for (const name of ['shim', 'runtime', 'policy', 'state', 'clock', 'SELinux']) {
        assert.equal(checks.get(name)?.result, 'ok', JSON.stringify(checks.get(name)));
      }
      assert.match(checks.get('runtime')?.seen ?? '', /cri-o 1\.37\.0 answers/);
    });

    it('finds what is wrong also without a shim and a runtime, and says what to do', async () => {
      await mkdir(at('bad'));
      await writeFile(at('bad/policy.yaml'), 'rules: [');
      const none = [`--runtime=unix://${at('none.sock')}`, `--socket=unix://${at('none.sock')}`];
      const { code, stderr, checks } = await doctor(
        ...none,
        '--policy',
        at('bad/policy.yaml'),
        '--state',
        at('absent'),
      );
      assert.equal(code, 1);
      assert.match(stderr, /^failed: shim, (?:kubelet, )?runtime, baseline, policy$/m);
      for (const name of ['shim', 'runtime', 'baseline', 'policy']) {
        assert.equal(checks.get(name)?.result, 'failed', name);
        assert.ok(checks.get(name)?.hint !== undefined || name === 'policy', name);
      }
      assert.equal(checks.get('state')?.result, 'warning');
      await chmod(at('state'), 0o777);
      const { checks: open } = await doctor();
      await chmod(at('state'), 0o700);
      assert.equal(open.get('state')?.result, 'failed');
      assert.match(open.get('state')?.hint ?? '', /chmod go-w/);
    });

    it('warns of rules that are never asked', async () => {
      const rules = '  - {match: "**", unsigned: true}\n  - {match: "a.example/**", unsigned: true}\n';
      await writeFile(at('shadowed.yaml'), `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n${rules}`);
      const { checks } = await doctor('--policy', at('shadowed.yaml'));
      assert.equal(checks.get('policy')?.result, 'warning');
      assert.match(checks.get('policy')?.seen ?? '', /a\.example\/\*\* \(5:\d+\)/);
    });
  });
});
