import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { intArguments, syscallsWithIntArguments } from '#lib/profile/seccomp/libseccomp/int-arguments';
import { isKnownSyscall } from '#lib/profile/seccomp/tables/syscall-names';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { callDirectly } from '../../support/kernel/call-directly.ts';

const native = 'SCMP_ARCH_X86_64';

/** Types of at most 32 bits in the kernel's prototypes. */
const narrowTypes = new Set([
  ...['int', 'unsigned int', 'unsigned', 'u32', '__u32', '__s32', 'umode_t', 'uid_t', 'gid_t', 'pid_t', 'key_t'],
  ...['key_serial_t', 'clockid_t', 'mqd_t', 'timer_t', 'qid_t', 'rwf_t', 'enum landlock_rule_type'],
]);
/** Types that no rule of ours may take for narrow. */
const wideTypes = new Set([
  ...['long', 'unsigned long', 'size_t', 'loff_t', 'off_t', '__u64', 'aio_context_t'],
  ...['cap_user_header_t', 'cap_user_data_t'],
]);
/** Arguments that are declared unsigned long and cut if they are used. */
const cut = new Set([
  ...['clone 0', 'mbind 2', 'mmap 4', 'preadv 0', 'preadv2 0', 'ptrace 1', 'pwritev 0', 'pwritev2 0', 'readv 0'],
  'writev 0',
]);
/** The kernel's names of functions whose syscall has another one. */
const otherNames: Readonly<Record<string, string>> = {
  newfstat: 'fstat',
  newlstat: 'lstat',
  newstat: 'stat',
  newuname: 'uname',
  sendfile64: 'sendfile',
  umount: 'umount2',
};

/**
 * A call of which one argument is looked at: with another value there it returns something else.
 */
interface Case {
  readonly name: string;
  readonly number: number;
  readonly args: readonly bigint[];
  readonly index: number;
  readonly other: bigint;
}

/**
 * Calls that leave nothing behind: they only look, end with an error, or change the process that
 * makes them and ends.
 */
const cases: readonly Case[] = `
  access 21 0,0 1=8
  arch_prctl 158 0x1011 0=0x9999
  bpf 321 13,0,0 0=999 2=99999
  clock_getres 229 0,0x10 0=999
  clock_gettime 228 0,0x10 0=999
  close_range 436 900,900,0 0=901 1=899 2=99
  dup 32 1 0=999
  dup3 292 1,50,0 0=999 1=60 2=1
  epoll_create1 291 0 0=1
  epoll_ctl 233 1,2,0,0 0=999 2=999
  eventfd2 290 0,0 1=0x10
  faccessat2 439 0xffffff9c,0,0,0 2=8 3=0x8000
  fanotify_init 300 0,0 0=0x80000000 1=0x80000000
  fchmodat2 452 0xffffff9c,0,0,0 3=0x8000
  fchownat 260 0xffffff9c,0,0,0,0 4=0x8000
  fcntl 72 1,1,0 0=999 1=9999
  finit_module 313 999,0,0 2=99
  flock 73 1,8 0=999 1=0x99
  fsopen 430 0,0 1=2
  futex 202 0,1,0,0,0,0 1=99
  getgroups 115 0,0 0=0xffffffff
  getitimer 36 0,0x10 0=99
  getpgid 121 0 0=0x7ffffffe
  getpriority 140 0,0 0=99 1=0x7ffffffe
  getrandom 318 0,0,0 2=0x80
  getrlimit 97 0,0x10 0=99
  getrusage 98 0,0x10 0=99
  getsid 124 0 0=0x7ffffffe
  inotify_init1 294 0 0=1
  io_uring_enter 426 1,0,0,0,0,0 0=999 3=0x80000000
  io_uring_register 427 1,0,0,0 0=999 1=9999
  ioctl 16 1,0x541b,0 0=999 1=0xdead
  iopl 172 0 0=9
  ioprio_get 252 1,0 0=99
  keyctl 250 31,0,0 0=999
  kill 62 1,0 0=0x7ffffffe 1=999
  landlock_create_ruleset 444 0,0,1 2=0xffff
  linkat 265 0xffffff9c,0,0xffffff9c,0,0 4=0x8000
  listmount 458 0,0,0,0 3=0x8000
  lseek 8 1,0,0 0=999 2=99
  madvise 28 0,0,0 2=999
  mbind 237 0,0,0,0,0,0 2=99 5=0x80
  membarrier 324 0,0,0 0=9999 1=9
  memfd_create 319 0,0 1=0x80
  mknod 133 0,0x8000,0 1=0xf000
  mlock2 325 0,0,0 2=2
  mlockall 151 1 0=0
  mmap 9 0,4096,1,2,0,0 4=999
  modify_ldt 154 0,0,0 0=99
  move_mount 429 0xffffff9c,0,0xffffff9c,0,0 4=0x80000000
  msync 26 0,0,4 2=99
  name_to_handle_at 303 0xffffff9c,0,0,0,0 4=0x8000
  open 2 0,0 1=0x400000
  open_tree 428 0xffffff9c,0,0 2=2
  openat 257 0xffffff9c,0,0 2=0x400000
  pidfd_getfd 438 1,0,0 2=1
  pidfd_open 434 1,0 0=0x7ffffffe 1=99
  pipe2 293 0,0 1=1
  poll 7 0,0,0 1=0xffffffff
  prctl 157 3 0=9999
  preadv 295 0,0,0,0,0 0=999
  prlimit64 302 0,0,0,0 0=0x7ffffffe 1=999
  ptrace 101 0x4206,1,1,0 1=0x7ffffffe
  pwritev 296 1,0,0,0,0 0=999
  quotactl 179 0x80000400,0,0,0 0=0x80000463
  read 0 0,0,0 0=999
  readlink 89 0,0,10 2=0
  readv 19 0,0,0 0=999
  renameat2 316 0xffffff9c,0,0xffffff9c,0,0 4=0x8000
  rt_sigaction 13 10,0,0,8 0=999
  sched_get_priority_max 146 1 0=999
  sched_get_priority_min 147 1 0=999
  sched_getaffinity 204 0,128,0 1=3
  sched_getscheduler 145 0 0=0x7ffffffe
  seccomp 317 2,0,0 0=99 1=1
  semget 64 0x12345,1,0 1=99999999
  set_mempolicy 238 0,0,0 0=99
  sethostname 170 0,1 1=9999
  setns 308 1,0 0=999
  shutdown 48 1,0 0=999
  socket 41 2,1,0 0=99 1=77 2=99
  statmount 457 0,0,0,0 3=0x8000
  statx 332 0xffffff9c,0,0,0,0 2=0x6000 3=0x80000000
  swapon 167 0,0 1=0x8000000
  sync_file_range 277 1,0,0,0 3=0x80
  sysfs 139 3 0=99
  syslog 103 10,0,0 0=99
  tgkill 234 1,1,0 0=0x7ffffffe 1=0x7ffffffe 2=999
  timer_create 222 0,0,0x10 0=999
  timerfd_create 283 1,0 0=99 1=1
  tkill 200 1,0 0=0x7ffffffe 1=999
  umount2 166 0,0 1=0x100
  unlinkat 263 0xffffff9c,0,0 2=1
  userfaultfd 323 0 0=2
  vmsplice 278 1,0,0,0 0=999 3=0x80
  wait4 61 0xffffffff,0,1,0 2=0x10
  waitid 247 0,0,0,5,0 0=99 3=0
  write 1 1,0,0 0=999
  writev 20 1,0,0 0=999
`
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [name = '', number, args = '', ...changes] = line.trim().split(' ');
    const known = { name, number: Number(number), args: args.split(',').map(BigInt) };
    return changes.map((change): Case => {
      const [index, other = ''] = change.split('=');
      return { ...known, index: Number(index), other: BigInt(other) };
    });
  });

/**
 * Arguments of which the kernel takes all bits: with one above the low half the call returns
 * something else.
 */
const wide: readonly Omit<Case, 'other'>[] = [
  { name: 'get_mempolicy', number: 239, args: [0n, 0n, 0n, 0n, 0n], index: 4 },
  { name: 'mprotect', number: 10, args: [0n, 4096n, 0n], index: 2 },
  { name: 'perf_event_open', number: 298, args: [0n, 0n, 0n, 0n, 0n], index: 4 },
  { name: 'pkey_alloc', number: 330, args: [0n, 0n], index: 0 },
  { name: 'prctl', number: 157, args: [4n, 1n], index: 1 },
  { name: 'process_vm_readv', number: 310, args: [1n, 0n, 0n, 0n, 0n, 0n], index: 5 },
  { name: 'ptrace', number: 101, args: [0n, 0n, 0n, 0n], index: 0 },
  { name: 'rt_sigaction', number: 13, args: [10n, 0n, 0n, 8n], index: 3 },
  { name: 'set_robust_list', number: 273, args: [0n, 24n], index: 1 },
  { name: 'unshare', number: 272, args: [0n], index: 0 },
];

describePeers(['root', 'cc'], 'the arguments that the kernel takes as 32 bits', () => {
  let directory: string;
  before(() => {
    directory = temporaryFolder('int-arguments');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('are those that its own prototypes say', (context) => {
    const prototypes = readPrototypes(directory);
    if (prototypes === undefined) {
      context.skip('this kernel does not show its prototypes (CONFIG_FTRACE_SYSCALLS)');
      return;
    }
    assert.ok(prototypes.size > 300, `${prototypes.size}`);
    const found = [...prototypes].flatMap(([name, types]) =>
      types.flatMap((type, index) => {
        const isWide = type.includes('*') || wideTypes.has(type);
        assert.ok(isWide || narrowTypes.has(type), `${name} has an argument of the unknown type ${type}`);
        return isWide ? [] : [`${name} ${index}`];
      }),
    );
    const ours = [...prototypes.keys()].flatMap((name) =>
      intArguments(name, [native]).map((index) => `${name} ${index}`),
    );
    assert.deepEqual(ours.sort(), [...found, ...cut].sort());
  });

  it('are cut by it: their upper bits change nothing', (context) => {
    const uppers = [2n ** 32n, 2n ** 63n, 2n ** 64n - 2n ** 32n];
    const calls = cases.flatMap(({ number, args, index, other }) =>
      [args, args.with(index, other), ...uppers.map((upper) => args.with(index, (args[index] ?? 0n) | upper))].map(
        (each) => ({ number, args: each }),
      ),
    );
    const results = callDirectly(directory, calls);
    const size = 2 + uppers.length;
    let compared = 0;
    for (const [at, { name, index }] of cases.entries()) {
      const [plain, changed, ...cutResults] = results.slice(at * size, (at + 1) * size);
      if (isMissing(plain)) {
        context.diagnostic(`this kernel has no ${name}`);
        continue;
      }
      assert.notEqual(changed, plain, `${name}: argument ${index} is not looked at`);
      assert.deepEqual(
        cutResults,
        uppers.map(() => plain),
        `${name}: upper bits of argument ${index}`,
      );
      assert.ok(intArguments(name, [native]).includes(index), `${name} ${index} is not in the table`);
      compared += 1;
    }
    assert.ok(compared >= 100, `${compared} arguments`);
  });

  it('are not those of which it takes all bits', () => {
    const results = callDirectly(
      directory,
      wide.flatMap(({ number, args, index }) =>
        [args, args.with(index, (args[index] ?? 0n) | (2n ** 32n))].map((each) => ({ number, args: each })),
      ),
    );
    for (const [at, { name, index }] of wide.entries()) {
      // Processors without protection keys refuse all.
      const isRefused = name === 'pkey_alloc' && (results[2 * at] ?? 0) < 0;
      if (!isRefused) assert.notEqual(results[2 * at + 1], results[2 * at], `${name} ${index}`);
      assert.ok(!intArguments(name, [native]).includes(index), `${name} ${index} is in the table`);
    }
  });

  it('belong to syscalls that there are', () => {
    const unknown = [...syscallsWithIntArguments()].filter((name) => !isKnownSyscall(name, []));
    assert.deepEqual(unknown, []);
  });
});

/** ENOSYS or EOPNOTSUPP, as a kernel without the syscall answers. */
function isMissing(result: number | undefined): boolean {
  return result === -38 || result === -95;
}

/**
 * Returns the types of each syscall's arguments, as tracefs shows them; mounted out of sight of
 * other processes.
 */
function readPrototypes(directory: string): ReadonlyMap<string, readonly string[]> | undefined {
  const script = 'mount -t tracefs none "$1" && cd "$1/events/syscalls" && grep -H field: sys_enter_*/format';
  let text: string;
  try {
    const args = ['--mount', 'sh', '-c', script, 'sh', directory];
    text = execFileSync('unshare', args, { encoding: 'utf8', stdio: 'pipe', maxBuffer: 2 ** 24 });
  } catch {
    return undefined;
  }
  const prototypes = new Map<string, string[]>();
  for (const line of text.trimEnd().split('\n')) {
    const [, name = '', type = '', argument = ''] = /^sys_enter_(\w+)\/format:\s*field:(.*?)\s*(\w+);/.exec(line) ?? [];
    const types = prototypes.get(otherNames[name] ?? name) ?? [];
    prototypes.set(otherNames[name] ?? name, types);
    if (!argument.startsWith('common_') && argument !== '__syscall_nr')
      types.push(type.replaceAll(/\bconst\b ?/g, '').trim());
  }
  return prototypes;
}
