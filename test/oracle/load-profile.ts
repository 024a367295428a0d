import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { peer } from '../peers/peer.ts';
import { actionOf, type ByteOrder, type Filter, readFilter, runFilter, seccompData } from './bpf.ts';
import type { OracleProfile } from './seccomp-evaluate.ts';

/** The runtime whose calls of libseccomp are made. */
export type Runtime = 'runc' | 'crun';

/** The versions of libseccomp that profiles are loaded with: the host's, and the newer one. */
export type LibseccompVersion = '2.5' | '2.6';

/**
 * A profile as libseccomp made a filter of it, or why it did not: `error ERRNO STEP DETAIL`,
 * `timeout`, `crash SIGNAL`.
 */
export type LoadedProfile =
  | { readonly filter: Filter; readonly order: ByteOrder; readonly architectures: ReadonlySet<string> }
  | { readonly error: string };

const bigEndian: ReadonlyMap<string, number> = new Map([
  ['SCMP_ARCH_MIPS', 0x0000_0008],
  ['SCMP_ARCH_MIPS64', 0x8000_0008],
  ['SCMP_ARCH_MIPS64N32', 0xa000_0008],
  ['SCMP_ARCH_PPC', 0x0000_0014],
  ['SCMP_ARCH_PPC64', 0x8000_0015],
  ['SCMP_ARCH_S390', 0x0000_0016],
  ['SCMP_ARCH_S390X', 0x8000_0016],
]);

/** Tokens of architectures (linux/audit.h). Those of one byte order can be in one filter. */
export const tokens: ReadonlyMap<string, number> = new Map([
  ...bigEndian,
  ['SCMP_ARCH_X86_64', 0xc000_003e],
  ['SCMP_ARCH_X86', 0x4000_0003],
  ['SCMP_ARCH_X32', 0xc000_003e],
  ['SCMP_ARCH_ARM', 0x4000_0028],
  ['SCMP_ARCH_AARCH64', 0xc000_00b7],
  ['SCMP_ARCH_MIPSEL', 0x4000_0008],
  ['SCMP_ARCH_MIPSEL64', 0xc000_0008],
  ['SCMP_ARCH_MIPSEL64N32', 0xe000_0008],
  ['SCMP_ARCH_PPC64LE', 0xc000_0015],
  ['SCMP_ARCH_RISCV64', 0xc000_00f3],
  ['SCMP_ARCH_LOONGARCH64', 0xc000_0102],
  ['SCMP_ARCH_SH', 0x4000_002a],
]);

function byteOrderOf(architecture: string): ByteOrder {
  return bigEndian.has(architecture) ? 'BE' : 'LE';
}

/** The architecture that every filter has on this machine. */
export const nativeArchitecture = process.arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64';

/**
 * A running program that loads profiles through libseccomp; answers come in the order of the
 * requests.
 */
export class Libseccomp {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  readonly #gone: Promise<void>;
  readonly #tables = new Map<string, Promise<ReadonlyMap<string, number>>>();
  #failed: Error | undefined;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    let parts: string[] = [];
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (text: string) => {
      for (let at = 0; ; ) {
        const end = text.indexOf('\n', at);
        parts.push(text.slice(at, end < 0 ? text.length : end));
        if (end < 0) return;
        this.#waiting.shift()?.resolve(parts.join(''));
        parts = [];
        at = end + 1;
      }
    });
    let complaint = '';
    child.stderr.setEncoding('latin1').on('data', (text: string) => {
      complaint += text;
    });
    // What is written to a program that ended is told by its end.
    child.stdin.on('error', () => {});
    this.#gone = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#failed = new Error(`libseccomp ${how} ${complaint}`.trimEnd());
        for (const { reject } of this.#waiting.splice(0)) reject(this.#failed);
        resolve();
      };
      child.once('error', (error) => end(`does not start: ${error.message}`));
      child.once('close', (code, signal) => end(`ended with ${signal ?? code}`));
    });
  }

  /**
   * Compiles the program into `directory`, which the caller removes after `stop`, and starts it.
   */
  static start(directory: string, version: LibseccompVersion = '2.5'): Libseccomp {
    const program = path.join(directory, 'libseccomp');
    const source = fileURLToPath(new URL('./libseccomp.c', import.meta.url));
    execFileSync(peer('cc'), ['-O1', '-o', program, source, '-lseccomp'], { stdio: 'pipe' });
    const newer = version === '2.6' ? { LD_LIBRARY_PATH: path.dirname(peer('libseccomp-2.6')) } : {};
    return new Libseccomp(
      spawn('setpriv', ['--pdeathsig', 'SIGKILL', program], { cwd: directory, env: { ...process.env, ...newer } }),
    );
  }

  /** Ends the program; requests that wait are rejected. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    this.#child.kill('SIGTERM');
    await this.#gone;
  }

  /** Returns the version of the library that is used, like `2.5.4`. */
  version(): Promise<string> {
    return this.#ask('version\n');
  }

  /**
   * Numbers by name of an architecture's system calls; empty if this version does not know the
   * architecture.
   */
  table(architecture: string): Promise<ReadonlyMap<string, number>> {
    const known = this.#tables.get(architecture);
    if (known !== undefined) return known;
    const asked = this.#ask(`table ${word(architecture)}\n`).then((line) => {
      const entries = line.split(' ').filter((entry) => entry !== '');
      return new Map(
        entries.map((entry): [string, number] => [entry.split('=')[0] ?? '', Number(entry.split('=')[1])]),
      );
    });
    this.#tables.set(architecture, asked);
    return asked;
  }

  /** Loads a profile as the runtime does on a machine of the given architecture. */
  async load(
    profile: OracleProfile,
    runtime: Runtime = 'runc',
    native: string = nativeArchitecture,
  ): Promise<LoadedProfile> {
    const lines = [`load ${runtime} ${word(profile.defaultAction)} ${profile.defaultErrnoRet ?? '-'}`];
    lines.push(`native ${word(native)}`);
    for (const name of profile.architectures ?? []) lines.push(`arch ${word(name)}`);
    for (const { names, action, errnoRet, args = [] } of profile.syscalls ?? []) {
      const conditions = args.map(({ index, op, value, valueTwo = 0n }) => `${index} ${word(op)} ${value} ${valueTwo}`);
      const rest = [word(action), errnoRet ?? '-', args.length, ...conditions].join(' ');
      for (const name of names) lines.push(`rule ${word(name)} ${rest}`);
    }
    const answer = await this.#ask(`${lines.join('\n')}\nend\n`);
    if (!answer.startsWith('bpf ')) return { error: answer };
    const architectures = new Set([native, ...(profile.architectures ?? [])]);
    const order = byteOrderOf(native);
    return { filter: readFilter(Buffer.from(answer.slice('bpf '.length), 'hex'), order), order, architectures };
  }

  #ask(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(request, 'latin1');
    });
  }
}

/** Returns a name of a profile, which the program reads as one word. */
function word(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Error(`not a word: ${JSON.stringify(text)}`);
  return text;
}

/** A call with the number that a program makes it by. */
export interface NumberedCall {
  readonly architecture: string;
  readonly number: number;
  readonly args: readonly bigint[];
}

/**
 * Returns what becomes of a call under a loaded profile: `SCMP_ACT_ERRNO 1`, or `bad architecture`
 * for the end of the thread that libseccomp has for calls of an architecture that was not added.
 */
export function evaluateLoaded(
  { filter, order, architectures }: Extract<LoadedProfile, { readonly filter: Filter }>,
  { architecture, number, args }: NumberedCall,
): string {
  const token = tokens.get(architecture);
  if (token === undefined) throw new Error(`no token of ${architecture} is known`);
  const action = actionOf(runFilter(filter, seccompData(token, number, args, order)));
  return action === 'SCMP_ACT_KILL_THREAD' && !architectures.has(architecture) ? 'bad architecture' : action;
}
