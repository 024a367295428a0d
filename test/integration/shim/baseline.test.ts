import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { intArguments } from '#lib/profile/seccomp/libseccomp/int-arguments';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { architectureFamily, machineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import { defaultCapabilities, parseRuntimeIdentity } from '#lib/profile/seccomp/tables/runtime-identity';
import { syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';
import { evaluate, rank } from '../../oracle/seccomp-evaluate.ts';
import { type Containerd, containerdRequirements, startContainerd } from '../../peers/containerd.ts';
import { basedHandler } from '../../peers/containerd-config.ts';
import { finishFolder, temporaryFolder } from '../../peers/program.ts';
import { type Registry, startRegistry } from '../../peers/registry.ts';
import { describePeers } from '../../peers/require.ts';
import { type CriClient, connectCri } from '../../support/cri/client.ts';
import { FakeRuntime } from '../../support/cri/fake-runtime.ts';
import { type PodOptions, runPod } from '../../support/cri/pod.ts';
import { startScriptedRuntime } from '../../support/cri/scripted-runtime.ts';
import { packText, publish, startTestShim, type TestShim } from '../../support/cri/shim.ts';
import { someOf } from '../../support/some-of.ts';

const architecture = machineArchitecture(process.arch);
const native = nativeArchitecture(architecture);

/** Values at which the conditions of default profiles change their mind. */
const values = [
  ...[0n, 1n, 2n, 3n, 8n, 9n, 10n, 16n, 17n, 37n, 38n, 39n, 40n, 41n, 0x2_0000n, 0x2_0008n, 0x8_0000n],
  ...[0x1000_0000n, 0x7e02_0000n, 0xffff_ffffn],
];

const upperBits = [1n << 32n, 1n << 63n];

/**
 * Returns where `ours` and `theirs` do not do the same, as `syscall(value): ours, not theirs`.
 * Where the kernel takes 32 bits of an argument and others are set, ours must be as strict as the
 * stricter of what theirs does with and without these: that is the only point in which the baseline
 * is stricter than the runtime's own default.
 */
function differences(ours: SeccompProfile, theirs: SeccompProfile): string[] {
  const rules = [...(ours.syscalls ?? []), ...(theirs.syscalls ?? [])];
  const names = new Set([...syscallNames(), ...rules.flatMap((rule) => rule.names), 'no_such_call']);
  const found: string[] = [];
  for (const syscall of names) {
    const ints = intArguments(syscall, [native]);
    for (const value of values) {
      for (const args of [
        [value, value, value],
        [2n, 3n, value],
        [16n, 3n, value],
      ]) {
        const outcome = (profile: SeccompProfile, list: readonly bigint[]) =>
          evaluate(profile, { architecture: native, syscall, args: list }, native);
        const [mine, other] = [outcome(ours, args), outcome(theirs, args)];
        if (mine !== other) found.push(`${syscall}(${args}): ${mine}, not ${other}`);
        for (const bit of upperBits) {
          const wide = args.map((arg, index) => (ints.includes(index) ? arg | bit : arg));
          const closed = outcome(ours, wide);
          const wanted = Math.max(rank(other), rank(outcome(theirs, wide)));
          if (rank(closed) !== wanted) found.push(`${syscall}(${wide}): ${closed}, of rank ${wanted}`);
        }
      }
    }
  }
  return found;
}

/** An artifact that restricts nothing; architectures that it did not list would be killed. */
const allowAll = (name: string) =>
  packText(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', architectures: architectureFamily(architecture) }), name);

const capabilitySets: readonly NonNullable<PodOptions['capabilities']>[] = [
  {},
  { add: ['SYS_ADMIN'] },
  { drop: ['ALL'] },
  { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'AUDIT_WRITE'] },
  { add: ['BPF', 'DAC_READ_SEARCH', 'PERFMON', 'SYSLOG', 'SYS_BOOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT'] },
  { add: ['SYS_PTRACE', 'SYS_RAWIO', 'SYS_TIME', 'SYS_TTY_CONFIG', 'IPC_LOCK'], drop: ['SYS_CHROOT', 'MKNOD'] },
  { add: ['ALL'] },
  { add: ['CAP_SYS_ADMIN'] },
];

for (const version of ['2', '1.6'] as const) {
  const newer = [...containerdRequirements, 'docker-registry'] as const;
  const requirements = version === '2' ? newer : ([...newer, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `the baseline of containerd ${version} behind the shim`, () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: TestShim;
    let direct: CriClient;
    let permissive: PodOptions['seccomp'];
    before(async () => {
      [containerd, registry] = await Promise.all([
        startContainerd({ version, baseCapabilities: ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'] }),
        startRegistry(),
      ]);
      shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
      direct = connectCri(containerd.socket);
      const ociRef = await publish(registry.host, 'open/all', allowAll('all.json'));
      permissive = { profileType: ProfileType.OCI, ociRef };
    });
    after(async () => {
      direct?.close();
      await shim?.stop();
      await Promise.all([registry?.stop(), containerd?.stop()]);
    });

    const underDefault = (client: CriClient, options: PodOptions) =>
      reported(client, { ...options, seccomp: { profileType: ProfileType.RuntimeDefault } });

    for (const capabilities of someOf(capabilitySets, 4)) {
      it(`is the runtime's own default, no stricter and no looser, with ${JSON.stringify(capabilities)}`, async () => {
        const theirs = await underDefault(direct, { capabilities });
        const ours = await reported(shim.client, { capabilities, ...(permissive && { seccomp: permissive }) });
        assert.deepEqual(differences(ours, theirs), []);
        const architectures = (profile: SeccompProfile) => [...(profile.architectures ?? [])].sort();
        assert.deepEqual(architectures(ours), architectures(theirs));
      });
    }

    it('begins with the capabilities of a base spec', async () => {
      const capabilities = { add: ['SYS_BOOT'] };
      const theirs = await underDefault(direct, { handler: basedHandler, capabilities });
      const options = { handler: basedHandler, capabilities, ...(permissive && { seccomp: permissive }) };
      const ours = await reported(shim.client, options);
      assert.deepEqual(differences(ours, theirs), []);
      assert.equal(evaluate(ours, { architecture: native, syscall: 'mount', args: [] }, native), 'SCMP_ACT_ALLOW');
    });

    it('is still exact once containers under RuntimeDefault have passed the shim', async () => {
      for (const capabilities of someOf(capabilitySets, 2)) await underDefault(shim.client, { capabilities });
      for (const capabilities of someOf(capabilitySets, 2)) {
        const theirs = await underDefault(direct, { capabilities });
        const ours = await reported(shim.client, { capabilities, ...(permissive && { seccomp: permissive }) });
        assert.deepEqual(differences(ours, theirs), []);
      }
      const told = shim.log().filter(({ messageId }) => messageId?.startsWith('fairlead.baseline.'));
      assert.deepEqual(
        told.filter(({ messageId }) => messageId !== 'fairlead.baseline.assumed'),
        [],
      );
    });

    it('is the default of the runtime that is there after a restart', async () => {
      await shim.restart();
      const theirs = await underDefault(direct, {});
      const ours = await reported(shim.client, permissive ? { seccomp: permissive } : {});
      assert.deepEqual(differences(ours, theirs), []);
    });
  });
}

/** The seccomp profile that a container has, by the report of the runtime. */
async function reported(client: CriClient, options: PodOptions): Promise<SeccompProfile> {
  const pod = await runPod(client, { name: 'baseline', ...options });
  try {
    const { info } = await client.containerStatus({ containerId: pod.containerId, verbose: true });
    const { runtimeSpec } = JSON.parse(info['info'] ?? '{}') as { runtimeSpec: { linux: { seccomp: object } } };
    return seccompOf(readProfile(new TextEncoder().encode(JSON.stringify(runtimeSpec.linux.seccomp))));
  } finally {
    await pod.remove();
  }
}

describePeers(['docker-registry'], 'the baseline of CRI-O behind the shim', () => {
  let registry: Registry;
  let shim: TestShim;
  let runtime: FakeRuntime;
  let scripted: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let folder: string;
  let ociRef: string;
  before(async () => {
    folder = temporaryFolder('cri-o');
    runtime = new FakeRuntime();
    const socket = path.join(folder, 'crio.sock');
    scripted = await startScriptedRuntime(socket, runtime.methods());
    registry = await startRegistry();
    shim = await startTestShim({ runtime: socket, registryHost: registry.host });
    ociRef = await publish(registry.host, 'open/all', allowAll('all.json'));
  });
  after(async () => {
    await shim?.stop();
    await registry?.stop();
    scripted?.kill();
    finishFolder(folder);
  });

  const configure = (crio: object) => {
    runtime.config = JSON.stringify({ crio: { DefaultRuntime: 'crun', Runtimes: { crun: {}, own: {} }, ...crio } });
  };
  const create = (options: { add?: string[]; sandbox?: string; seccomp?: NonNullable<PodOptions['seccomp']> } = {}) => {
    const { add = [], sandbox = 'pod', seccomp = { profileType: ProfileType.OCI, ociRef } } = options;
    const securityContext = { capabilities: { addCapabilities: add }, seccomp };
    const config = { metadata: { name: 'main' }, linux: { securityContext } };
    return shim.client.createContainer({ podSandboxId: sandbox, config, sandboxConfig: { metadata: { name: 'pod' } } });
  };
  /** The profile that the shim has CRI-O load. */
  const applied = async (options?: Parameters<typeof create>[0]): Promise<SeccompProfile> => {
    await create(options);
    const seccomp = runtime.created.at(-1)?.config?.linux?.securityContext?.seccomp;
    assert.equal(seccomp?.profileType, ProfileType.Localhost);
    return seccompOf(readProfile(readFileSync(seccomp.localhostRef)));
  };
  const own = async (version: string, ...added: string[]): Promise<SeccompProfile> => {
    const { tables } = await loadRuntimeDefaults(parseRuntimeIdentity('cri-o', version));
    const capabilities = [...defaultCapabilities('cri-o'), ...added];
    return runtimeDefault(tables, { architecture, kernel: '6.1', capabilities });
  };

  it("is CRI-O's own default, for the nine capabilities that it grants, and follows an upgrade", async () => {
    configure({});
    assert.deepEqual(differences(await applied(), await own('1.37.0')), []);
    assert.deepEqual(differences(await applied({ add: ['SYS_ADMIN'] }), await own('1.37.0', 'CAP_SYS_ADMIN')), []);
    runtime.version = '1.30.1';
    assert.deepEqual(differences(await applied(), await own('1.30.1')), []);
    runtime.version = '1.37.0';
  });

  it('is the file that CRI-O is configured with, by handler or for all', async () => {
    const file = path.join(folder, 'seccomp.json');
    const rule = (names: string[]) => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }],
    });
    mkdirSync(path.join(folder, 'handlers'));
    const handlers = path.join(folder, 'handlers', 'own.json');
    writeFileSync(file, JSON.stringify(rule(['read', 'write'])));
    writeFileSync(handlers, JSON.stringify(rule(['read'])));
    configure({ SeccompProfile: file, Runtimes: { crun: {}, own: { SeccompProfile: handlers } } });
    runtime.handlers.set('other', 'own');
    const allowed = (profile: SeccompProfile) =>
      [...syscallNames()].filter(
        (syscall) => evaluate(profile, { architecture: native, syscall, args: [] }, native) === 'SCMP_ACT_ALLOW',
      );
    assert.deepEqual(allowed(await applied()).sort(), ['read', 'write']);
    assert.deepEqual(allowed(await applied({ sandbox: 'other' })), ['read']);
    rmSync(file);
    assert.deepEqual(differences(await applied(), await own('1.37.0')), []);
    rmSync(handlers);
    const count = runtime.created.length;
    await assert.rejects(create({ sandbox: 'other' }), { code: 3, message: /SecurityProfileInvalid: .*own\.json/ });
    assert.equal(runtime.created.length, count, 'nothing reaches the runtime');
  });

  it('is what CRI-O reports of a container under RuntimeDefault that passed the shim', async () => {
    configure({});
    const profile = await own('1.37.0');
    const stricter = {
      ...profile,
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' as const, errnoRet: 1 }, ...(profile.syscalls ?? [])],
    };
    const annotations = { 'io.kubernetes.cri-o.SeccompProfilePath': 'RuntimeDefault' };
    const bounding = [...defaultCapabilities('cri-o')];
    runtime.onCreate = (id, { config }) => {
      const asked = config?.linux?.securityContext?.seccomp?.profileType;
      if (asked === ProfileType.RuntimeDefault) runtime.report(id, { profile: stricter, bounding, annotations });
    };
    await applied();
    await create({ seccomp: { profileType: ProfileType.RuntimeDefault } });
    const deadline = Date.now() + 5000;
    const told = () => shim.log().some(({ messageId }) => messageId === 'fairlead.baseline.reported');
    while (!told()) {
      assert.ok(Date.now() < deadline, 'it is looked at in the background');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual(differences(await applied(), stricter), []);
    const mkdir = { architecture: native, syscall: 'mkdir', args: [] };
    assert.equal(evaluate(await applied({ add: ['SYS_ADMIN'] }), mkdir, native), 'SCMP_ACT_ERRNO 1');
    const unshare = { ...mkdir, syscall: 'unshare' };
    assert.equal(evaluate(await applied({ add: ['SYS_ADMIN'] }), unshare, native), 'SCMP_ACT_ALLOW');
  });
});
