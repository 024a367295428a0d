/** What an argument of a system call is, and the constants that programs pass in it. */
export interface KnownArgument {
  /** As sentences name it: `family`. */
  readonly name: string;
  /** Whether the constants are bits that are combined. */
  readonly areBits: boolean;
  readonly constants: ReadonlyMap<bigint, string>;
}

/** linux/socket.h */
const families = constants(`
  AF_UNSPEC 0 AF_UNIX 1 AF_INET 2 AF_AX25 3 AF_IPX 4 AF_APPLETALK 5 AF_NETROM 6 AF_X25 9 AF_INET6 10 AF_ROSE 11
  AF_KEY 15 AF_NETLINK 16 AF_PACKET 17 AF_ECONET 19 AF_RDS 21 AF_LLC 26 AF_CAN 29 AF_TIPC 30 AF_BLUETOOTH 31
  AF_RXRPC 33 AF_PHONET 35 AF_IEEE802154 36 AF_ALG 38 AF_NFC 39 AF_VSOCK 40 AF_KCM 41 AF_QIPCRTR 42 AF_SMC 43
  AF_XDP 44`);

/** linux/net.h; SOCK_NONBLOCK and SOCK_CLOEXEC may be added to a type. */
const socketTypes = constants(`
  SOCK_STREAM 1 SOCK_DGRAM 2 SOCK_RAW 3 SOCK_RDM 4 SOCK_SEQPACKET 5 SOCK_PACKET 10`);

/** linux/sched.h */
const cloneFlags = constants(`
  CLONE_NEWTIME 0x80 CLONE_VM 0x100 CLONE_FS 0x200 CLONE_FILES 0x400 CLONE_SIGHAND 0x800 CLONE_PIDFD 0x1000
  CLONE_PTRACE 0x2000 CLONE_VFORK 0x4000 CLONE_PARENT 0x8000 CLONE_THREAD 0x10000 CLONE_NEWNS 0x20000
  CLONE_SYSVSEM 0x40000 CLONE_SETTLS 0x80000 CLONE_PARENT_SETTID 0x100000 CLONE_CHILD_CLEARTID 0x200000
  CLONE_DETACHED 0x400000 CLONE_UNTRACED 0x800000 CLONE_CHILD_SETTID 0x1000000 CLONE_NEWCGROUP 0x2000000
  CLONE_NEWUTS 0x4000000 CLONE_NEWIPC 0x8000000 CLONE_NEWUSER 0x10000000 CLONE_NEWPID 0x20000000
  CLONE_NEWNET 0x40000000 CLONE_IO 0x80000000`);

/** asm-generic/ioctls.h, which x86 and arm share */
const requests = constants(`
  TCGETS 0x5401 TCSETS 0x5402 TCSETSW 0x5403 TCSETSF 0x5404 TIOCSCTTY 0x540e TIOCGPGRP 0x540f TIOCSPGRP 0x5410
  TIOCSTI 0x5412 TIOCGWINSZ 0x5413 TIOCSWINSZ 0x5414 FIONREAD 0x541b TIOCLINUX 0x541c TIOCCONS 0x541d FIONBIO 0x5421
  TIOCNOTTY 0x5422 TIOCSETD 0x5423 FIONCLEX 0x5450 FIOCLEX 0x5451 FIOASYNC 0x5452`);

/** linux/personality.h */
const personalities = constants(`
  PER_LINUX 0 PER_LINUX32 8 UNAME26 0x20000 PER_LINUX32|UNAME26 0x20008 ADDR_NO_RANDOMIZE 0x40000
  READ_IMPLIES_EXEC 0x400000`);

/** linux/prctl.h */
const prctlOptions = constants(`
  PR_SET_PDEATHSIG 1 PR_GET_PDEATHSIG 2 PR_GET_DUMPABLE 3 PR_SET_DUMPABLE 4 PR_GET_KEEPCAPS 7 PR_SET_KEEPCAPS 8
  PR_SET_NAME 15 PR_GET_NAME 16 PR_GET_SECCOMP 21 PR_SET_SECCOMP 22 PR_CAPBSET_READ 23 PR_CAPBSET_DROP 24
  PR_GET_TSC 25 PR_SET_TSC 26 PR_GET_SECUREBITS 27 PR_SET_SECUREBITS 28 PR_SET_TIMERSLACK 29 PR_GET_TIMERSLACK 30
  PR_SET_MM 35 PR_SET_CHILD_SUBREAPER 36 PR_GET_CHILD_SUBREAPER 37 PR_SET_NO_NEW_PRIVS 38 PR_GET_NO_NEW_PRIVS 39
  PR_GET_TID_ADDRESS 40 PR_SET_THP_DISABLE 41 PR_GET_THP_DISABLE 42 PR_SET_FP_MODE 45 PR_CAP_AMBIENT 47
  PR_GET_SPECULATION_CTRL 52 PR_SET_SPECULATION_CTRL 53 PR_SCHED_CORE 62 PR_SET_VMA 0x53564d41
  PR_SET_PTRACER 0x59616d61`);

/** asm-generic/mman-common.h */
const protections = constants('PROT_READ 1 PROT_WRITE 2 PROT_EXEC 4');

/** linux/seccomp.h */
const seccompOperations = constants(`
  SECCOMP_SET_MODE_STRICT 0 SECCOMP_SET_MODE_FILTER 1 SECCOMP_GET_ACTION_AVAIL 2 SECCOMP_GET_NOTIF_SIZES 3`);

const one = (name: string, values: ReadonlyMap<bigint, string>): KnownArgument => {
  return { name, areBits: false, constants: values };
};
const bits = (name: string, values: ReadonlyMap<bigint, string>): KnownArgument => {
  return { name, areBits: true, constants: values };
};

/** Arguments by system call and index; for those that are not here, sentences state the number. */
const known: Readonly<Record<string, Readonly<Record<number, KnownArgument>>>> = {
  socket: { 0: one('family', families), 1: one('type', socketTypes) },
  socketpair: { 0: one('family', families), 1: one('type', socketTypes) },
  clone: { 0: bits('flags', cloneFlags) },
  unshare: { 0: bits('flags', cloneFlags) },
  setns: { 1: bits('namespace type', cloneFlags) },
  ioctl: { 1: one('request', requests) },
  personality: { 0: one('persona', personalities) },
  prctl: { 0: one('option', prctlOptions) },
  mmap: { 2: bits('protection', protections) },
  mmap2: { 2: bits('protection', protections) },
  mprotect: { 2: bits('protection', protections) },
  pkey_mprotect: { 2: bits('protection', protections) },
  seccomp: { 0: one('operation', seccompOperations) },
};

/** Returns what is known of an argument, 0 to 5, of a system call. */
export function knownArgument(syscall: string, index: number): KnownArgument | undefined {
  return Object.hasOwn(known, syscall) ? known[syscall]?.[index] : undefined;
}

function constants(text: string): ReadonlyMap<bigint, string> {
  const words = text.trim().split(/\s+/);
  return new Map(words.flatMap((name, at) => (at % 2 === 0 ? [[BigInt(words[at + 1] as string), name] as const] : [])));
}
