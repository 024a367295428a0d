import assert from 'node:assert/strict';
import { release } from 'node:os';
import { after, before, it } from 'node:test';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { architectureFamily, machineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/tables/runtime-defaults/load-tables';
import type { RuntimeDefaultTable } from '#lib/profile/seccomp/tables/runtime-defaults/table';
import { defaultCapabilities, parseRuntimeIdentity } from '#lib/profile/seccomp/tables/runtime-identity';
import { syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { SecurityProfile_ProfileType } from '../../../lib/cri/gen/cri_pb.js';
import { evaluate, rank } from '../../oracle/seccomp-evaluate.ts';
import { type Containerd, containerdRequirements, startContainerd } from '../../peers/containerd.ts';
import { describePeers } from '../../peers/require.ts';
import { type CriClient, connectCri } from '../../support/cri/client.ts';
import { type PodOptions, runPod } from '../../support/cri/pod.ts';

const architecture = machineArchitecture(process.arch);
const native = nativeArchitecture(architecture);

type Capabilities = NonNullable<PodOptions['capabilities']>;

const capabilitySets: Readonly<Record<string, Capabilities>> = {
  'the usual capabilities': {},
  SYS_ADMIN: { add: ['SYS_ADMIN'] },
  'eight more': {
    add: ['BPF', 'DAC_READ_SEARCH', 'PERFMON', 'SYSLOG', 'SYS_BOOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT'],
  },
  'seven others': {
    add: ['SYS_PTRACE', 'SYS_RAWIO', 'SYS_TIME', 'SYS_TTY_CONFIG', 'NET_ADMIN', 'IPC_LOCK', 'SYS_CHROOT'],
  },
  'no capabilities': { drop: ['ALL'] },
  'all capabilities': { add: ['ALL'] },
};

/** Values at which the conditions of RuntimeDefault change their mind. */
const narrow = [0n, 1n, 2n, 8n, 16n, 37n, 38n, 39n, 40n, 41n, 0x11n, 0x2_0000n, 0x2_0008n, 0x1000_0000n, 0x7e02_0000n];
const upperBit = 1n << 32n;
const values = [...narrow, upperBit - 1n, ...narrow.map((value) => value | upperBit)];

for (const [version, table] of [
  ['2', '2.1.0'],
  ['1.6', '1.6.16'],
] as const) {
  const requirements =
    version === '2' ? containerdRequirements : ([...containerdRequirements, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `RuntimeDefault of containerd ${version}`, () => {
    let containerd: Containerd;
    let client: CriClient;
    let tables: readonly RuntimeDefaultTable[];
    before(async () => {
      containerd = await startContainerd({ version });
      client = connectCri(containerd.socket);
      const { runtimeName, runtimeVersion } = await client.version();
      ({ tables } = await loadRuntimeDefaults(parseRuntimeIdentity(runtimeName, runtimeVersion)));
    });
    after(async () => {
      client.close();
      await containerd.stop();
    });

    it('is found by the name and the version that it reports', () => {
      assert.deepEqual(tables[0]?.runtime, 'containerd');
      assert.deepEqual(tables[0]?.versions[0]?.[0], table);
    });

    for (const [named, capabilities] of Object.entries(capabilitySets)) {
      it(`is ours with ${named}: not looser anywhere, and stricter only where upper halves are set`, async () => {
        const { profile: real, bounding } = await reported(client, capabilities);
        if (named === 'the usual capabilities') assert.deepEqual(bounding.sort(), defaultCapabilities('containerd'));
        const ours = runtimeDefault(tables, { architecture, kernel: release(), capabilities: bounding });
        const known = [...(real.syscalls ?? []), ...(ours.syscalls ?? [])].flatMap(({ names }) => names);
        const names = new Set([...syscallNames(), ...known]);
        const looser: string[] = [];
        const different: string[] = [];
        for (const syscall of names) {
          for (const value of values) {
            const call = { architecture: native, syscall, args: [value, value, value] };
            const [mine, theirs] = [evaluate(ours, call, native), evaluate(real, call, native)];
            const point = `${syscall}(0x${value.toString(16)}): ours ${mine}, containerd ${theirs}`;
            if (rank(mine) < rank(theirs)) looser.push(point);
            else if (mine !== theirs && value < upperBit) different.push(point);
          }
        }
        assert.deepEqual({ looser, different }, { looser: [], different: [] });
        assert.deepEqual([...(real.architectures ?? [])].sort(), [...architectureFamily(architecture)].sort());
      });
    }
  });
}

/**
 * Returns the seccomp profile and the bounding set that containerd gave a container under
 * RuntimeDefault.
 */
async function reported(
  client: CriClient,
  capabilities: Capabilities,
): Promise<{ readonly profile: SeccompProfile; readonly bounding: string[] }> {
  const pod = await runPod(client, {
    name: `caps-${capabilities.add?.length ?? 0}`,
    seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
    capabilities,
  });
  try {
    const { info } = await client.containerStatus({ containerId: pod.containerId, verbose: true });
    const { runtimeSpec } = JSON.parse(info['info'] ?? '{}') as {
      runtimeSpec: { linux: { seccomp: object }; process: { capabilities: { bounding?: string[] } } };
    };
    const profile = seccompOf(readProfile(new TextEncoder().encode(JSON.stringify(runtimeSpec.linux.seccomp))));
    return { profile, bounding: runtimeSpec.process.capabilities.bounding ?? [] };
  } finally {
    await pod.remove();
  }
}
