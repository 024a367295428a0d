import { spawnSync } from 'node:child_process';

/** One compiled profile: what the kernel would be given. */
export interface CompiledProfile {
  readonly name: string;
  /** Bit set of the capabilities that it permits. */
  readonly capabilities: bigint;
  /** Permission bits that its file automaton reaches with a path, see {@link fileBits}. */
  filePermissions(path: string): number;
  /**
   * Permission bits for sockets of a family (AF_*) and a type (SOCK_*), see {@link allNetworkBits}.
   */
  networkPermissions(family: number, type: number): number;
}

/**
 * Accept bits of the file automaton, for files that are not the task's own
 * (security/apparmor/file.c).
 */
export const fileBits = {
  execute: 1 << 14,
  write: 1 << 15,
  read: 1 << 16,
  link: 1 << 18,
  lock: 1 << 19,
  map: 1 << 20,
} as const;

/**
 * What a rule for a socket permits: send, receive, create, shut down, connect, and the seven that
 * lie from bit 14 on: set and get attributes, accept, bind, listen, set and get options
 * (security/apparmor/include/net.h and perms.h).
 */
export const allNetworkBits = 0x1f_c076;

/**
 * Class of the rules for sockets in the policy automaton: AA_CLASS_NET of
 * security/apparmor/include/apparmor.h.
 */
const networkClass = 14;

/**
 * Compiles a policy with the real parser, for a kernel that has all of ABI 3.0 or of another one in
 * /etc/apparmor.d/abi, and does not load it.
 *
 * @throws Error with the parser's words where the text does not compile.
 */
export function compilePolicy(program: string, text: string, abi = '3.0'): CompiledProfile[] {
  const features = ['--features-file', `/etc/apparmor.d/abi/${abi}`];
  const options = ['--skip-kernel-load', '--skip-cache', '--stdout', ...features];
  const run = spawnSync(program, options, { input: text, maxBuffer: 2 ** 28, timeout: 60_000 });
  if (run.status !== 0) throw new Error(`${run.error?.message ?? run.stderr.toString()}\n${text}`);
  return readPolicy(run.stdout);
}

/**
 * Types of fields in a binary policy, and the sizes of those that are plain
 * (security/apparmor/policy_unpack.c).
 */
const sizes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 2],
  [2, 4],
  [3, 8],
  [9, 0],
  [10, 0],
  [11, 2],
  [12, 0],
]);
const fieldName = 4;
const string = 5;
const blob = 6;
const struct = 7;
const structEnd = 8;

function readPolicy(bytes: Buffer): CompiledProfile[] {
  const profiles: CompiledProfile[] = [];
  const path: string[] = [];
  let words: number[] = [];
  let name: string | undefined;
  let file: Automaton | undefined;
  let policy: Automaton | undefined;
  let pending = '';
  for (let at = 0; at < bytes.length; ) {
    const type = bytes.readUInt8(at++);
    const label = pending;
    pending = '';
    if (type === fieldName || type === string) {
      const length = bytes.readUInt16LE(at);
      const text = bytes.toString('latin1', at + 2, at + 1 + length);
      at += 2 + length;
      if (type === fieldName) pending = text;
      else if (path.length === 1) name ??= text;
    } else if (type === blob) {
      const size = bytes.readUInt32LE(at);
      const content = bytes.subarray(at + 4, at + 4 + size);
      if (label === 'aadfa' && path.length === 1) file = readAutomaton(content);
      if (label === 'aadfa' && path.length === 2 && path[1] === 'policydb') policy = readAutomaton(content);
      at += 4 + size;
    } else if (type === struct) path.push(label);
    else if (type === structEnd) {
      path.pop();
      if (path.length > 0) continue;
      // Of capabilities, the permitted, audited, quiet and set ones, each in a lower half, and in
      // an upper one in caps64.
      const [low = 0, high = 0] = [words[0], words[4]];
      const [files, others] = [file ?? (() => 0), policy ?? (() => 0)];
      profiles.push({
        name: name ?? '',
        capabilities: BigInt(low) | (BigInt(high) << 32n),
        filePermissions: (path) => files(Buffer.from(path, 'utf8')),
        // Family and type in network byte order, as in aa_profile_af_perm
        // (security/apparmor/net.c).
        networkPermissions: (family, type) =>
          others([networkClass, family >>> 8, family & 0xff, type >>> 8, type & 0xff]),
      });
      words = [];
      name = undefined;
      file = undefined;
      policy = undefined;
    } else {
      const size = sizes.get(type);
      if (size === undefined) throw new Error(`unknown field type ${type} at ${at - 1}`);
      const ofProfile = path.length === 1 || path[1] === 'caps64';
      if (type === 2 && path.length > 0 && ofProfile && label !== 'path_flags') words.push(bytes.readUInt32LE(at));
      at += size;
    }
  }
  return profiles;
}

/** The accept bits that some bytes lead to. */
type Automaton = (input: Iterable<number>) => number;

/**
 * Returns the tables of security/apparmor/match.c: big-endian, each aligned to eight bytes, ids as
 * flex numbers them.
 */
function readAutomaton(bytes: Buffer): Automaton {
  const start = bytes.indexOf(Buffer.from([0x1b, 0x5e, 0x78, 0x3d]));
  if (start === -1) throw new Error('no automaton in the blob');
  const body = bytes.subarray(start);
  const tables = new Map<number, readonly number[]>();
  const end = body.readUInt32BE(8);
  for (let at = body.readUInt32BE(4); at + 12 <= end; ) {
    const width = body.readUInt16BE(at + 2);
    const count = body.readUInt32BE(at + 8);
    const from = at + 12;
    const values = Array.from({ length: count }, (_, index) => body.readUIntBE(from + index * width, width));
    tables.set(body.readUInt16BE(at), values);
    at += Math.ceil((12 + count * width) / 8) * 8;
  }
  const table = (id: number): readonly number[] => {
    const found = tables.get(id);
    if (found === undefined) throw new Error(`no table ${id} in the automaton`);
    return found;
  };
  const [accept, base, check, fallback, next] = [table(1), table(2), table(3), table(4), table(8)];
  const classes = tables.get(5);
  const step = (from: number, byte: number): number => {
    const symbol = classes === undefined ? byte : (classes[byte] ?? 0);
    let state = from;
    for (;;) {
      const entry = base[state] ?? 0;
      const at = (entry & 0xff_ffff) + symbol;
      if (check[at] === state) return next[at] ?? 0;
      state = fallback[state] ?? 0;
      // The highest bit: the state is written as its difference from the one that it falls back to.
      if (entry < 0x8000_0000) return state;
    }
  };
  return (input) => {
    let state = 1;
    for (const byte of input) state = step(state, byte);
    return accept[state] ?? 0;
  };
}
