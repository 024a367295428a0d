import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import { defaultCapabilities, parseRuntimeIdentity } from '#lib/profile/seccomp/tables/runtime-identity';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import type { CapabilityChange } from '../../lib/profile/capabilities.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { RuntimeBaseline } from './runtime-baseline.ts';

const host = { architecture: 'amd64', kernel: '6.1.0' } as const;
const annotation = 'io.kubernetes.cri-o.SeccompProfilePath';
const containerdConfig = JSON.stringify({
  containerd: { defaultRuntimeName: 'runc', runtimes: { runc: {}, kata: {} } },
});
const add = (...addCapabilities: string[]): CapabilityChange => ({ addCapabilities, dropCapabilities: [] });

async function tableOf(name: string, version: string, capabilities: readonly string[]): Promise<SeccompProfile> {
  const { tables } = await loadRuntimeDefaults(parseRuntimeIdentity(name, version));
  return runtimeDefault(tables, { ...host, capabilities });
}

function allows(profile: SeccompProfile, syscall: string, ...args: bigint[]): boolean {
  return evaluate(profile, { architecture: 'SCMP_ARCH_X86_64', syscall, args }) === 'SCMP_ACT_ALLOW';
}

const allowing = (profile: SeccompProfile, ...names: string[]): SeccompProfile => ({
  ...profile,
  syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }, ...(profile.syscalls ?? [])],
});
const refusing = (profile: SeccompProfile, ...refused: string[]): SeccompProfile => ({
  ...profile,
  syscalls: (profile.syscalls ?? [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !refused.includes(name)) }))
    .filter(({ names }) => names.length > 0),
});

describe('the baseline of the runtime', { timeout: 60_000 }, () => {
  let runtime: FakeRuntime;
  let baseline: RuntimeBaseline;
  let connection: { current: number | undefined; call: (method: string, request: Uint8Array) => Promise<Uint8Array> };
  let records: { level: string; messageId?: string; msg: string; [field: string]: unknown }[];
  let now: number;
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-baseline-'));
    runtime = new FakeRuntime();
    records = [];
    now = 0;
    let connections = 0;
    connection = {
      current: undefined,
      call: async (method, request) => {
        await turn();
        connections += connection.current === undefined ? 1 : 0;
        connection.current ??= connections;
        return runtime.answer(method, request);
      },
    };
    const record = (level: string) => (fields: object, msg: string) => void records.push({ level, ...fields, msg });
    const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
    baseline = new RuntimeBaseline({ connection, ...host, log: log as unknown as ShimLog, clock: () => now });
  });
  afterEach(async () => {
    await baseline.stop();
    await rm(directory, { recursive: true });
  });

  const ask = (sandboxId = 'pod', capabilities?: CapabilityChange) =>
    baseline.profileFor({ runtime: { sandboxId }, capabilities }, AbortSignal.timeout(5000));
  const warnings = (messageId: string) =>
    records.filter((each) => each.level === 'warn' && each.messageId === messageId);

  /**
   * Creates a container under RuntimeDefault that the runtime reports, and waits until that is
   * known.
   */
  async function create(
    report: Parameters<FakeRuntime['report']>[1] | string,
    { sandboxId = 'pod', capabilities }: { sandboxId?: string; capabilities?: CapabilityChange } = {},
  ): Promise<void> {
    const id = `container-${runtime.infos.size}`;
    const created = baseline.watch(sandboxId, capabilities);
    if (typeof report === 'string') runtime.infos.set(id, report);
    else runtime.report(id, report);
    created?.(id);
    await settled();
  }
  async function settled(): Promise<void> {
    for (let i = 0; i < 50; i++) await turn();
  }
  const usual = defaultCapabilities('cri-o');
  const criO = (capabilities: readonly string[] = usual) => tableOf('cri-o', '1.37.0', capabilities);

  it('is the table of the runtime, for the capabilities that it grants', async () => {
    assert.deepEqual(await ask(), await criO());
    assert.deepEqual(await ask('pod', add('SYS_ADMIN')), await criO([...usual, 'CAP_SYS_ADMIN']));
    Object.assign(runtime, { name: 'containerd', version: '2.1.9+unknown', config: containerdConfig });
    const granted = defaultCapabilities('containerd');
    assert.deepEqual(await ask(), await tableOf('containerd', '2.1.9', granted));
    assert.deepEqual(await ask('pod', add('CAP_SYS_ADMIN')), await tableOf('containerd', '2.1.9', granted));
    assert.deepEqual(warnings('fairlead.baseline.assumed'), []);
  });

  it('follows a runtime that is replaced, behind the same socket and the same connection', async () => {
    Object.assign(runtime, { name: 'containerd', version: '1.6.20', config: containerdConfig });
    assert.ok(allows(await ask(), 'io_uring_setup'));
    runtime.version = '2.1.9';
    assert.ok(!allows(await ask(), 'io_uring_setup'));
    connection.current = undefined;
    runtime.version = '1.6.20';
    assert.ok(allows(await ask(), 'io_uring_setup'));
  });

  it('follows the configuration of CRI-O, which it reads again while it runs', async () => {
    const file = join(directory, 'seccomp.json');
    await writeFile(
      file,
      '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}',
    );
    const own = join(directory, 'own.json');
    await writeFile(own, '{"defaultAction": "SCMP_ACT_TRAP"}');
    assert.ok(allows(await ask(), 'write'));
    const crio = { DefaultRuntime: 'crun', SeccompProfile: file, Runtimes: { crun: {}, own: { SeccompProfile: own } } };
    runtime.config = JSON.stringify({ crio });
    assert.ok(!allows(await ask(), 'write') && allows(await ask(), 'read'));
    runtime.handlers.set('other', 'own');
    assert.equal((await ask('other')).defaultAction, 'SCMP_ACT_TRAP');
    const sandbox = { runtime: { handler: 'own' }, capabilities: undefined };
    assert.equal((await baseline.profileFor(sandbox, AbortSignal.timeout(5000))).defaultAction, 'SCMP_ACT_TRAP');
    await writeFile(file, '{"defaultAction": "SCMP_ACT_KILL_PROCESS"}');
    assert.equal((await ask()).defaultAction, 'SCMP_ACT_KILL_PROCESS');
    await rm(file);
    assert.ok(allows(await ask(), 'write'), "CRI-O's own");
    await rm(own);
    await assert.rejects(ask('other'), { kind: 'ProfileInvalid', message: /own\.json: it does not exist/ });
    runtime.config = JSON.stringify({ crio: { DefaultRuntime: 'crun', DefaultCapabilities: ['SYS_CHROOT'] } });
    assert.ok(allows(await ask(), 'chroot'));
    runtime.config = '{"crio": {';
    await assert.rejects(ask(), { kind: 'Unavailable' });
  });

  it('requests the fixed configuration of containerd once for each process, and the handler of a sandbox once', async () => {
    Object.assign(runtime, { name: 'containerd', version: '2.1.9', config: containerdConfig });
    const asked = async (sandboxId?: string) => {
      runtime.calls.length = 0;
      await ask(sandboxId);
      return runtime.calls.toSorted();
    };
    assert.deepEqual(await asked(), ['PodSandboxStatus', 'Status verbose', 'Version']);
    assert.deepEqual(await asked(), ['Version']);
    baseline.sandboxCreated('fresh', 'kata');
    assert.deepEqual(await asked('fresh'), ['Version']);
    connection.current = undefined;
    assert.deepEqual(await asked(), ['Status verbose', 'Version']);
    runtime.version = '2.1.10';
    assert.deepEqual(await asked(), ['Status verbose', 'Version', 'Version']);
  });

  it('is the intersection of all where the runtime is not known, and says so once', async () => {
    Object.assign(runtime, { name: 'isulad', version: '3', config: undefined });
    const { tables } = await loadRuntimeDefaults(undefined);
    assert.deepEqual(await ask(), runtimeDefault(tables, { ...host, capabilities: usual }));
    await ask('pod', add('SYS_ADMIN'));
    const [assumed, ...more] = warnings('fairlead.baseline.assumed');
    assert.match(assumed?.msg ?? '', /runtime is not known/);
    assert.equal(assumed?.['runtime'], 'isulad 3');
    assert.deepEqual(more, []);
  });

  it('says once that a version is not known, and that a configuration is not reported', async () => {
    runtime.version = '1.99.0';
    runtime.config = undefined;
    await ask();
    await ask();
    const [assumed, ...more] = warnings('fairlead.baseline.assumed');
    assert.match(assumed?.msg ?? '', /1\.99\.0.*not among the known releases.*does not report its configuration/s);
    assert.deepEqual(more, []);
  });

  it('is refused with the error of the runtime if it does not answer', async () => {
    const { call } = connection;
    connection.call = async () => {
      throw new FairleadError('Unavailable', 'the container runtime did not answer');
    };
    await assert.rejects(ask(), { kind: 'Unavailable', message: /did not answer/ });
    connection.call = async (method, request) => {
      const answer = await call(method, request);
      connection.current = undefined;
      return answer;
    };
    await assert.rejects(ask(), { kind: 'Unavailable', message: /closed the connection/ });
  });

  it('is resolved once for each set of capabilities, and again for the oldest of many', async () => {
    const first = await ask();
    assert.equal(await ask(), first);
    for (let i = 0; i < 63; i++) await ask('pod', add(`X${i}`));
    assert.equal(await ask(), first);
    for (let i = 0; i < 64; i++) await ask('pod', add(`Y${i}`));
    const again = await ask();
    assert.notEqual(again, first);
    assert.deepEqual(again, first);
  });

  describe('once a container was reported', () => {
    const reported = async (change: (profile: SeccompProfile) => SeccompProfile, bounding = usual) => ({
      profile: change(await criO(bounding)),
      bounding,
      annotations: { [annotation]: 'RuntimeDefault' },
    });

    it('is what was reported for its capabilities, looser and stricter, and says so once', async () => {
      await ask();
      const report = await reported((profile) => refusing(allowing(profile, 'io_uring_setup'), 'socket'));
      await create(report);
      const profile = await ask();
      assert.ok(allows(profile, 'io_uring_setup') && !allows(profile, 'socket', 2n));
      const [told, ...more] = warnings('fairlead.baseline.reported');
      assert.deepEqual([told?.['loosened'], told?.['tightened']], [['io_uring_setup'], ['socket']]);
      assert.deepEqual([told?.['runtime'], told?.['handler']], ['cri-o 1.37.0', 'crun']);
      assert.deepEqual(more, []);
      const looked = runtime.calls.filter((name) => name === 'ContainerStatus verbose').length;
      await create(report);
      assert.equal(runtime.calls.filter((name) => name === 'ContainerStatus verbose').length, looked, 'it is known');
    });

    it('is only tightened for other capabilities', async () => {
      await ask();
      await create(await reported((profile) => refusing(allowing(profile, 'io_uring_setup'), 'socket')));
      const profile = await ask('pod', add('SYS_ADMIN'));
      assert.ok(!allows(profile, 'io_uring_setup') && !allows(profile, 'socket', 2n));
      assert.ok(allows(profile, 'unshare'), 'which the reported one refused for want of CAP_SYS_ADMIN');
    });

    it('stays as it is for other handlers', async () => {
      runtime.handlers.set('other', 'own');
      runtime.config = JSON.stringify({ crio: { DefaultRuntime: 'crun', Runtimes: { crun: {}, own: {} } } });
      await ask();
      await create(await reported((profile) => refusing(allowing(profile, 'io_uring_setup'), 'socket')));
      assert.deepEqual(await ask('other'), await criO());
      assert.ok(allows(await ask(), 'io_uring_setup'));
    });

    it('is confirmed without a log record if it is as expected', async () => {
      await ask();
      await create(await reported((profile) => profile));
      assert.deepEqual(await ask(), await criO());
      assert.deepEqual(
        records.map(({ level }) => level),
        ['debug'],
      );
    });

    it('never counts sandboxes, whatever profile they report', async () => {
      runtime.sandboxInfo = JSON.stringify({
        runtimeSpec: { linux: { seccomp: { defaultAction: 'SCMP_ACT_ALLOW' } } },
      });
      await ask();
      await create(await reported((profile) => profile));
      await ask('pod', add('SYS_ADMIN'));
      assert.deepEqual(await ask(), await criO());
      assert.ok(runtime.calls.includes('PodSandboxStatus'));
      assert.ok(!runtime.calls.includes('PodSandboxStatus verbose'));
    });

    it('loosens nothing for garbage, or what does not report a default profile, and says so once', async () => {
      await ask();
      const report = await reported((profile) => allowing(profile, 'io_uring_setup'));
      const notified = [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' as const }];
      const useless = [
        '{"runtimeSpec": {',
        JSON.stringify({ runtimeSpec: { linux: { seccomp: { defaultAction: 'ALLOW' } } } }),
        '{}',
        { ...report, more: { privileged: true } },
        { ...report, annotations: { [annotation]: 'Unconfined' } },
        { ...report, profile: { ...report.profile, defaultAction: 'SCMP_ACT_ALLOW' as const } },
        { ...report, profile: { ...report.profile, syscalls: notified } },
      ];
      for (const each of [...useless, ...useless]) await create(each);
      assert.deepEqual(await ask(), await criO());
      const told = warnings('fairlead.baseline.unreadable').map(({ msg }) => msg);
      assert.equal(told.length, 6, told.join('\n'));
      assert.equal(new Set(told).size, 6);
    });

    it('is forgotten with the process of the runtime', async () => {
      await ask();
      await create(await reported((profile) => allowing(profile, 'io_uring_setup')));
      assert.ok(allows(await ask(), 'io_uring_setup'));
      connection.current = undefined;
      assert.ok(!allows(await ask(), 'io_uring_setup'));
    });

    it('does not count what another process, or another configuration, may have created', async () => {
      const report = await reported((profile) => allowing(profile, 'io_uring_setup'));
      runtime.report('c', report);
      assert.equal(baseline.watch('pod', undefined), undefined, 'the runtime was not known yet');
      await settled();
      const beforeRestart = baseline.watch('pod', undefined);
      connection.current = undefined;
      assert.equal(baseline.watch('pod', undefined), undefined, 'it may be another runtime');
      beforeRestart?.('c');
      await settled();
      assert.deepEqual(await ask(), await criO());
      const beforeChange = baseline.watch('pod', undefined);
      runtime.config = JSON.stringify({ crio: { DefaultRuntime: 'crun', DefaultCapabilities: ['CHOWN'] } });
      beforeChange?.('c');
      await settled();
      assert.ok(!allows(await ask(), 'io_uring_setup'));
      assert.ok(!allows(await ask('pod', add(...usual.map((name) => name.slice(4)))), 'io_uring_setup'));
    });

    it('is asked of few containers at a time, and of none that the kubelet waits for', async () => {
      await ask();
      const { call } = connection;
      let release: (() => void) | undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      connection.call = async (method, request) => held.then(() => call(method, request));
      for (let i = 0; i < 4; i++) baseline.watch('pod', undefined)?.(`c${i}`);
      assert.equal(baseline.watch('pod', undefined), undefined);
      release?.();
      await settled();
      assert.notEqual(baseline.watch('pod', undefined), undefined);
    });

    it('is looked at again after a while, and disputed where it differs then', async () => {
      await ask();
      await create(await reported((profile) => allowing(profile, 'io_uring_setup')));
      await create(await reported((profile) => profile));
      assert.ok(allows(await ask(), 'io_uring_setup'));
      now += 11 * 60_000;
      await create(await reported((profile) => profile));
      assert.ok(!allows(await ask(), 'io_uring_setup'));
    });

    it('holds for ALL too, of which a runtime grants what it has itself', async () => {
      await ask();
      const bounding = ['CAP_BPF', 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'];
      await create(await reported((profile) => allowing(profile, 'io_uring_setup'), bounding), {
        capabilities: add('ALL'),
      });
      assert.ok(allows(await ask('pod', add('ALL')), 'io_uring_setup'));
      assert.ok(!allows(await ask(), 'io_uring_setup'));
    });

    it('does not stand for what asked for fewer capabilities than it was reported with', async () => {
      await ask();
      await create(await reported((profile) => profile, [...usual, 'CAP_SYS_ADMIN'].sort()));
      assert.deepEqual(await ask(), await criO());
    });

    it('is no looser than the file that is configured', async () => {
      const file = join(directory, 'seccomp.json');
      await writeFile(
        file,
        '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}',
      );
      runtime.config = JSON.stringify({ crio: { DefaultRuntime: 'crun', SeccompProfile: file } });
      await ask();
      await create(await reported((profile) => refusing(profile, 'read')));
      while (warnings('fairlead.baseline.reported').length === 0) await turn();
      const profile = await ask();
      assert.ok(!allows(profile, 'write') && !allows(profile, 'read'));
    });

    it('ends with the shim, also while the runtime is asked', async () => {
      await ask();
      connection.call = (_method, _request, signal?: AbortSignal) =>
        new Promise((_resolve, reject) => {
          const giveUp = () => reject(new FairleadError('Unavailable', 'given up'));
          if (signal?.aborted) giveUp();
          signal?.addEventListener('abort', giveUp);
        });
      baseline.watch('pod', undefined)?.('c');
      await baseline.stop();
      assert.equal(baseline.watch('pod', undefined), undefined);
      assert.deepEqual(warnings('fairlead.baseline.unreadable'), []);
    });
  });
});
