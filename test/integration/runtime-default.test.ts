import assert from 'node:assert/strict';
import { release } from 'node:os';
import { after, before, it } from 'node:test';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { machineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/architecture';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { loadRuntimeDefaults } from '#lib/profile/seccomp/runtime-defaults/load-tables';
import { syscallNames } from '#lib/profile/seccomp/syscall-names';
import { type CriClient, connectCri } from '../cri/client.ts';
import { SecurityProfile_ProfileType } from '../cri/gen/cri_pb.js';
import { runPod } from '../cri/pod.ts';
import { evaluate, rank } from '../oracle/seccomp-evaluate.ts';
import { type Containerd, containerdRequirements, startContainerd } from '../peers/containerd.ts';
import { describePeers } from '../peers/require.ts';

const architecture = machineArchitecture(process.arch);
const native = nativeArchitecture(architecture);

const capabilitySets: readonly (readonly string[])[] = [
  [],
  ['SYS_ADMIN'],
  ['BPF', 'DAC_READ_SEARCH', 'PERFMON', 'SYSLOG', 'SYS_BOOT', 'SYS_MODULE', 'SYS_NICE', 'SYS_PACCT'],
  ['SYS_CHROOT', 'SYS_PTRACE', 'SYS_RAWIO', 'SYS_TIME', 'SYS_TTY_CONFIG', 'NET_ADMIN', 'IPC_LOCK'],
];

/** What containerd allows in some version and our table does not, because another version denies it. */
const stricter = new Set([
  ...['cachestat', 'fchmodat2', 'futex_requeue', 'futex_wait', 'futex_wake', 'map_shadow_stack'],
  ...['name_to_handle_at', 'process_vm_readv', 'process_vm_writev', 'set_mempolicy_home_node'],
  ...['io_uring_enter', 'io_uring_register', 'io_uring_setup', 'socket'],
]);

/** Values at which the conditions of RuntimeDefault change their mind. */
const values = [0n, 1n, 8n, 16n, 39n, 40n, 41n, 0x2_0000n, 0x2_0008n, 0x1000_0000n, 0x7e02_0000n, 2n ** 32n - 1n];

for (const version of ['2', '1.6'] as const) {
  const requirements =
    version === '2' ? containerdRequirements : ([...containerdRequirements, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `RuntimeDefault of containerd ${version}`, () => {
    let containerd: Containerd;
    let client: CriClient;
    before(async () => {
      containerd = await startContainerd({ version });
      client = connectCri(containerd.socket);
    });
    after(async () => {
      client.close();
      await containerd.stop();
    });

    for (const added of capabilitySets) {
      it(`is not stricter than ours with ${added.length === 0 ? 'the usual capabilities' : added.join(', ')}`, async () => {
        const { profile: real, capabilities } = await reported(client, added);
        const { tables } = await loadRuntimeDefaults(undefined);
        const ours = runtimeDefault(tables, { architecture, kernel: release(), capabilities });
        const names = new Set([
          ...syscallNames(),
          ...[...(real.syscalls ?? []), ...(ours.syscalls ?? [])].flatMap((r) => r.names),
        ]);
        const differing = new Set<string>();
        for (const syscall of names) {
          for (const value of values) {
            const call = { architecture: native, syscall, args: [value, value] };
            const [mine, theirs] = [evaluate(ours, call, native), evaluate(real, call, native)];
            assert.ok(rank(mine) >= rank(theirs), `${syscall}(${value}): ours ${mine}, containerd ${theirs}`);
            if (rank(mine) > rank(theirs)) differing.add(syscall);
          }
        }
        assert.deepEqual(
          [...differing].filter((name) => !stricter.has(name)),
          [],
        );
        const listed = real.architectures ?? [];
        assert.deepEqual(
          ours.architectures?.filter((name) => !listed.includes(name)),
          [],
        );
      });
    }
  });
}

/** The seccomp profile and the bounding set that containerd gave a container under RuntimeDefault. */
async function reported(
  client: CriClient,
  added: readonly string[],
): Promise<{ profile: SeccompProfile; capabilities: string[] }> {
  const pod = await runPod(client, {
    name: `caps-${added.length}`,
    seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
    capabilities: { add: added },
  });
  try {
    const { info } = await client.containerStatus({ containerId: pod.containerId, verbose: true });
    const { runtimeSpec } = JSON.parse(info['info'] ?? '{}') as {
      runtimeSpec: { linux: { seccomp: object }; process: { capabilities: { bounding: string[] } } };
    };
    const profile = seccompOf(readProfile(new TextEncoder().encode(JSON.stringify(runtimeSpec.linux.seccomp))));
    return { profile, capabilities: runtimeSpec.process.capabilities.bounding };
  } finally {
    await pod.remove();
  }
}
