import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import type { ProfileHost } from '../../read/resolve-docker.ts';
import { runtimeDefault } from '../../runtime-default.ts';
import { nativeArchitecture } from '../architecture.ts';
import { containerd } from './containerd.ts';
import { criO } from './cri-o.ts';
import { docker } from './docker.ts';
import type { RuntimeDefaultTable } from './table.ts';

const allow = 'SCMP_ACT_ALLOW';
const eperm = 'SCMP_ACT_ERRNO 1';
const einval = 'SCMP_ACT_ERRNO 22';
const enosys = 'SCMP_ACT_ERRNO 38';
const host: ProfileHost = { architecture: 'amd64', kernel: '6.1.0-18-amd64', capabilities: [] };

/**
 * Returns what becomes of a call under a table: without capabilities on a current amd64, unless
 * `change` says otherwise.
 */
function resultOf(
  table: RuntimeDefaultTable,
  syscall: string,
  args: readonly bigint[] = [],
  change: Partial<ProfileHost> = {},
): string {
  const on = { ...host, ...change };
  const native = nativeArchitecture(on.architecture);
  return evaluate(runtimeDefault([table], on), { architecture: native, syscall, args }, native);
}

/** Returns the first release of each table under which a call has a result. */
function tablesWith(
  tables: readonly RuntimeDefaultTable[],
  result: string,
  ...[syscall, args, change]: [syscall: string, args?: readonly bigint[], change?: Partial<ProfileHost>]
): readonly string[] {
  return tables.filter((table) => resultOf(table, syscall, args, change) === result).map(nameOf);
}

function nameOf({ versions: [span] }: RuntimeDefaultTable): string {
  return span?.[0] ?? '';
}

/** Returns the names of tables without the listed ones. */
function allBut(tables: readonly RuntimeDefaultTable[], ...names: readonly string[]): readonly string[] {
  return tables.map(nameOf).filter((name) => !names.includes(name));
}

const admin = { capabilities: ['CAP_SYS_ADMIN'] };
const nice = { capabilities: ['CAP_SYS_NICE'] };
const [netlink, audit, vsock, alg] = [16n, 9n, 40n, 38n];

describe('the default profiles of containerd', () => {
  const allowed = (...call: [string, (readonly bigint[])?, Partial<ProfileHost>?]) =>
    tablesWith(containerd, allow, ...call);
  const before1_6_22 = ['1.6.0', '1.6.7', '1.6.9', '1.6.16'];

  it('lost io_uring with 2.0', () => {
    assert.deepEqual(allowed('io_uring_setup'), [
      ...before1_6_22,
      '1.6.22',
      '1.6.28',
      '1.7.0',
      '1.7.3',
      '1.7.13',
      '1.7.32',
    ]);
  });

  it('refuse AF_VSOCK since 1.7, and AF_ALG since the releases of one day', () => {
    assert.deepEqual(allowed('socket', [vsock]), [...before1_6_22, '1.6.22', '1.6.28']);
    assert.deepEqual(allowed('socket', [alg]), allBut(containerd, '1.7.32', '2.0.9', '2.2.4'));
    for (const domain of [1n, 2n, 10n, 16n, 37n, 39n, 41n]) {
      assert.deepEqual(allowed('socket', [domain]), allBut(containerd), `domain ${domain}`);
    }
    for (const table of ['1.7.32', '2.0.9', '2.2.4']) {
      assert.equal(
        resultOf(containerd.find((each) => nameOf(each) === table) as RuntimeDefaultTable, 'socket', [alg]),
        eperm,
      );
    }
  });

  it('allow ptrace and process_vm_readv by the kernel, where that is new enough', () => {
    assert.deepEqual(allowed('ptrace'), allBut(containerd, '1.6.0'));
    assert.deepEqual(allowed('process_vm_readv'), allBut(containerd, ...before1_6_22, '1.6.22', '1.6.28'));
    for (const [kernel, known] of [
      ['4.8.0', true],
      ['4.7.10', false],
      ['3.10', false],
      ['10.0', true],
      ['?', false],
    ] as const) {
      assert.equal(allowed('process_vm_readv', [], { kernel }).length > 0, known, kernel);
    }
    const old = { kernel: '4.4', capabilities: ['CAP_SYS_PTRACE'] };
    assert.deepEqual(allowed('ptrace', [], old), allBut(containerd));
  });

  it('took up the calls of newer kernels release by release', () => {
    assert.deepEqual(allowed('pkey_alloc'), allBut(containerd, '1.6.0', '1.6.7', '1.6.9'));
    assert.deepEqual(allowed('name_to_handle_at'), allBut(containerd, ...before1_6_22, '1.7.0'));
    assert.deepEqual(allowed('name_to_handle_at', [], admin), allBut(containerd));
    for (const name of ['cachestat', 'fchmodat2', 'futex_requeue', 'futex_wait', 'futex_wake', 'map_shadow_stack']) {
      assert.deepEqual(allowed(name), allBut(containerd, ...before1_6_22, '1.6.22', '1.7.0', '1.7.3'), name);
    }
    for (const name of ['mseal', 'statmount', 'listmount', 'setxattrat', 'lsm_get_self_attr', 'uretprobe']) {
      assert.deepEqual(allowed(name), ['2.2.0', '2.2.4'], name);
    }
    assert.deepEqual(allowed('riscv_hwprobe', [], { architecture: 'riscv64' }), ['2.2.0', '2.2.4']);
    assert.deepEqual(allowed('riscv_flush_icache', [], { architecture: 'riscv64' }), allBut(containerd, '1.6.0'));
  });

  it('took up what a capability permits', () => {
    assert.deepEqual(allowed('bpf', [], { capabilities: ['CAP_BPF'] }), allBut(containerd, '1.6.0', '1.6.7'));
    const perfmon = { capabilities: ['CAP_PERFMON'] };
    assert.deepEqual(allowed('perf_event_open', [], perfmon), allBut(containerd, '1.6.0', '1.6.7'));
    assert.deepEqual(allowed('mbind', [], nice), allBut(containerd, '1.6.0', '1.6.7', '1.6.9'));
    assert.deepEqual(
      allowed('set_mempolicy_home_node', [], nice),
      allBut(containerd, ...before1_6_22, '1.6.22', '1.7.0', '1.7.3'),
    );
    const time = { capabilities: ['CAP_SYS_TIME'] };
    assert.deepEqual(allowed('clock_settime', [], time), allBut(containerd));
    assert.deepEqual(allowed('clock_settime64', [], time), allBut(containerd, '1.6.0'));
    for (const [capability, name] of [
      ['SYS_ADMIN', 'mount'],
      ['DAC_READ_SEARCH', 'open_by_handle_at'],
      ['SYS_CHROOT', 'chroot'],
      ['SYS_MODULE', 'init_module'],
      ['SYS_PTRACE', 'kcmp'],
      ['SYS_PACCT', 'acct'],
      ['SYS_RAWIO', 'iopl'],
      ['SYS_TTY_CONFIG', 'vhangup'],
      ['SYS_BOOT', 'reboot'],
      ['SYSLOG', 'syslog'],
    ] as const) {
      assert.deepEqual(allowed(name), [], name);
      assert.deepEqual(allowed(name, [], { capabilities: [`CAP_${capability}`] }), allBut(containerd), name);
    }
  });

  it('keep namespaces from programs without CAP_SYS_ADMIN', () => {
    assert.deepEqual(allowed('clone', [0x11n]), allBut(containerd));
    assert.deepEqual(tablesWith(containerd, eperm, 'clone', [0x1000_0011n]), allBut(containerd));
    assert.deepEqual(allowed('clone', [0x1000_0011n], admin), allBut(containerd));
    // CLONE_NEWTIME shares its bit with the signal that the parent gets.
    assert.deepEqual(allowed('clone', [0x80n]), allBut(containerd));
    const s390x = { architecture: 's390x' } as const;
    assert.deepEqual(allowed('clone', [0x1000_0011n, 0n], s390x), allBut(containerd));
    assert.deepEqual(tablesWith(containerd, eperm, 'clone', [0n, 0x1000_0011n], s390x), allBut(containerd));
    assert.deepEqual(tablesWith(containerd, enosys, 'clone3'), allBut(containerd));
    assert.deepEqual(allowed('clone3', [], admin), allBut(containerd));
    assert.deepEqual(tablesWith(containerd, eperm, 'unshare'), allBut(containerd));
  });
});

describe('the default profiles of CRI-O', () => {
  const allowed = (...call: [string, (readonly bigint[])?, Partial<ProfileHost>?]) => tablesWith(criO, allow, ...call);
  const with1_31 = ['1.31.0', '1.33.0', '1.35.1'];

  it('say ENOSYS by default, and EPERM of what they list', () => {
    assert.deepEqual(tablesWith(criO, enosys, 'mseal'), allBut(criO));
    for (const name of ['vmsplice', 'io_pgetevents', 'chroot', 'kexec_load']) {
      assert.deepEqual(tablesWith(criO, eperm, name), allBut(criO), name);
    }
    for (const name of ['cachestat', 'futex_wait', 'futex_waitv', 'io_pgetevents_time64', 'map_shadow_stack']) {
      assert.deepEqual(tablesWith(criO, eperm, name), with1_31, name);
      assert.deepEqual(tablesWith(criO, enosys, name), ['1.29.0', '1.29.9'], name);
    }
    assert.deepEqual(allowed('syscall'), ['1.29.0', '1.29.9']);
    assert.deepEqual(allowed('fchmodat2'), with1_31);
  });

  it('allow what containerd keeps for capabilities', () => {
    for (const name of [
      'mount',
      'umount2',
      'move_mount',
      'pivot_root',
      'keyctl',
      'pidfd_getfd',
      'mbind',
      'reboot',
      'syslog',
    ]) {
      assert.deepEqual(allowed(name), allBut(criO), name);
    }
    assert.deepEqual(allowed('fanotify_init'), ['1.33.0', '1.35.1']);
  });

  it('allow setns by the first of two rules, whatever the second one says of CAP_SYS_ADMIN', () => {
    assert.deepEqual(allowed('setns'), allBut(criO));
    assert.deepEqual(allowed('setns', [], admin), allBut(criO));
  });

  it('forgot CAP_PERFMON, and let an earlier rule stand before it', () => {
    const perfmon = { capabilities: ['CAP_PERFMON'] };
    assert.deepEqual(allowed('perf_event_open', [], perfmon), ['1.35.1']);
    assert.deepEqual(tablesWith(criO, eperm, 'perf_event_open', [], perfmon), allBut(criO, '1.35.1'));
    assert.deepEqual(allowed('bpf', [], { capabilities: ['CAP_BPF'] }), with1_31);
    assert.deepEqual(allowed('bpf', [], admin), allBut(criO));
  });

  it('refuse NETLINK_AUDIT without CAP_AUDIT_WRITE, and AF_VSOCK since 1.35.1', () => {
    assert.deepEqual(tablesWith(criO, einval, 'socket', [netlink, 3n, audit]), allBut(criO));
    const write = { capabilities: ['CAP_AUDIT_WRITE'] };
    assert.deepEqual(allowed('socket', [netlink, 3n, audit], write), allBut(criO));
    for (const change of [{}, write]) {
      assert.deepEqual(allowed('socket', [netlink, 3n, 0n], change), allBut(criO));
      assert.deepEqual(allowed('socket', [2n, 1n, audit], change), allBut(criO));
      assert.deepEqual(allowed('socket', [alg, 5n, 0n], change), allBut(criO));
      assert.deepEqual(tablesWith(criO, eperm, 'socket', [vsock, 1n, 0n], change), ['1.35.1']);
    }
  });

  it('keep namespaces from programs without CAP_SYS_ADMIN since 1.29.9 and 1.30.6', () => {
    assert.deepEqual(allowed('clone', [0x11n]), allBut(criO));
    for (const flag of [0x2_0000n, 0x200_0000n, 0x400_0000n, 0x800_0000n, 0x1000_0000n, 0x2000_0000n, 0x4000_0000n]) {
      assert.deepEqual(tablesWith(criO, eperm, 'clone', [flag | 0x11n]), allBut(criO, '1.29.0'));
      assert.deepEqual(allowed('clone', [flag | 0x11n], admin), allBut(criO));
    }
    const s390x = { architecture: 's390x' } as const;
    assert.deepEqual(tablesWith(criO, eperm, 'clone', [0n, 0x1000_0011n], s390x), allBut(criO, '1.29.0'));
    assert.deepEqual(tablesWith(criO, enosys, 'clone3'), allBut(criO, '1.29.0'));
    assert.deepEqual(tablesWith(criO, enosys, 'unshare'), allBut(criO));
  });

  it('have calls of their own on each machine', () => {
    assert.deepEqual(allowed('swapcontext', [], { architecture: 'ppc64le' }), with1_31);
    assert.deepEqual(allowed('arch_prctl'), allBut(criO));
    assert.deepEqual(allowed('arch_prctl', [], { architecture: '386' }), []);
    assert.deepEqual(allowed('modify_ldt', [], { architecture: '386' }), allBut(criO));
    assert.deepEqual(allowed('modify_ldt', [], { architecture: 'arm64' }), []);
  });
});

describe('the default profiles of Docker', () => {
  const allowed = (...call: [string, (readonly bigint[])?, Partial<ProfileHost>?]) =>
    tablesWith(docker, allow, ...call);

  it('took up newer calls with 28.2, some for CAP_SYS_ADMIN alone', () => {
    assert.deepEqual(allowed('mseal'), allBut(docker, '25.0.3'));
    assert.deepEqual(allowed('lsm_get_self_attr'), []);
    assert.deepEqual(allowed('lsm_get_self_attr', [], admin), allBut(docker, '25.0.3'));
    assert.deepEqual(allowed('riscv_hwprobe'), allBut(docker, '25.0.3'));
  });

  it('refuse AF_ALG since 29.4.2, which alone refused socketcall', () => {
    assert.deepEqual(tablesWith(docker, eperm, 'socket', [alg]), ['29.4.2', '29.4.3']);
    assert.deepEqual(tablesWith(docker, eperm, 'socket', [vsock]), allBut(docker));
    assert.deepEqual(tablesWith(docker, enosys, 'socketcall'), ['29.4.2']);
    assert.deepEqual(allowed('socketcall'), allBut(docker, '29.4.2'));
  });
});

describe('every default profile', () => {
  const tables = [...containerd, ...criO, ...docker];

  it('says which file of which release it was read from', () => {
    assert.equal(tables.length, 24);
    assert.equal(new Set(tables.map(({ source }) => source)).size, tables.length);
    for (const { source } of tables) {
      assert.match(source, /^github\.com\/\S+, tag \S+ \(commit [0-9a-f]{40}\), \S+/);
    }
  });

  it('names its rules, and each call once in a rule', () => {
    for (const { rules } of tables) {
      for (const { names } of rules) {
        assert.ok(names.length > 0);
        assert.equal(new Set(names).size, names.length);
        for (const name of names) assert.match(name, /^[a-z_][a-z0-9_]*$/);
      }
    }
  });

  it('permits the usual personalities alone', () => {
    for (const value of [0n, 8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn]) {
      assert.deepEqual(tablesWith(tables, allow, 'personality', [value]), allBut(tables));
    }
    for (const value of [1n, 0x4_0000n, 0xffff_fffen]) {
      assert.deepEqual(tablesWith(tables, allow, 'personality', [value]), []);
    }
  });
});
