import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderProfile } from '#lib/profile/render-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { Call } from '../../oracle/seccomp-evaluate.ts';
import { peer } from '../../peers/peer.ts';

/**
 * What the kernel did with one call: what it returned, a delivered SIGSYS, or the end of the
 * process.
 */
export type KernelResult = { readonly value: number } | 'trapped' | 'killed';

/** Numbers on x86_64 and x86 of calls that do nothing to the system, whatever their arguments. */
export const harmlessCalls: Readonly<Record<string, readonly [x86_64: number, x86: number]>> = {
  getpgid: [121, 132],
  getsid: [124, 147],
  getpgrp: [111, 65],
  getpriority: [140, 96],
  sched_getscheduler: [145, 157],
  sched_get_priority_max: [146, 159],
  sched_get_priority_min: [147, 160],
  sched_rr_get_interval: [148, 161],
};

/**
 * Numbers on x86_64 and x86 of calls that leave nothing behind once the process ends that makes
 * them.
 */
const otherCalls: Readonly<Record<string, readonly [x86_64: number, x86: number]>> = {
  clone: [56, 120],
  personality: [135, 136],
  socket: [41, 359],
  socketpair: [53, 360],
};

/** A folder with the compiled probe, in which containers are run by runc. */
export class ProbeContainer {
  readonly #folder: string;
  #runs = 0;

  /** Compiles the probe into `folder`, which the caller removes. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(path.join(folder, 'rootfs', 'proc'), { recursive: true });
    compileProbe(path.join(folder, 'rootfs', 'probe'));
  }

  /**
   * Runs a container under the profile, makes the calls in it, and returns the result of each.
   *
   * @param timeout milliseconds after which it is ended, and undefined given.
   */
  run(profile: SeccompProfile, calls: readonly Call[], timeout: number): readonly KernelResult[] | undefined {
    this.#runs += 1;
    writeFileSync(path.join(this.#folder, 'config.json'), specificationWith(profile));
    const id = `probe-${process.pid}-${this.#runs}`;
    const runc = [peer('runc'), '--root', path.join(this.#folder, 'state')];
    const command = ['--pid', '--fork', '--mount-proc', '--kill-child', ...runc, 'run', '--bundle', this.#folder, id];
    const { error, status, stdout, stderr } = spawnSync('unshare', command, {
      input: recordsOf(calls),
      encoding: 'utf8',
      timeout,
      // With it ends all that has its process ids from it: runc, and what runc started.
      killSignal: 'SIGKILL',
    });
    if (error !== undefined && Reflect.get(error, 'code') === 'ETIMEDOUT') {
      execFileSync(runc[0] ?? '', [...runc.slice(1), 'delete', '--force', id], { stdio: 'pipe' });
      return undefined;
    }
    if (status !== 0) throw new Error(`runc run: ${error ?? stderr}`);
    return resultsOf(stdout, calls);
  }

  /**
   * Whether the kernel runs calls of 32-bit programs. Some kernels are built without them, and some
   * hypervisors give none to a guest.
   */
  runs32BitPrograms(): boolean {
    const call: Call = { architecture: 'SCMP_ARCH_X86', syscall: 'getpgrp', args: [0n, 0n, 0n, 0n, 0n, 0n] };
    const [result] = this.run({ defaultAction: 'SCMP_ACT_ALLOW' }, [call], 20_000) ?? [];
    return typeof result === 'object';
  }
}

/** Returns the runtime specification (config.json) of a container with the probe and a profile. */
export function specificationWith(profile: SeccompProfile): string {
  const seccomp = new TextDecoder().decode(renderProfile({ kind: 'Seccomp', seccomp: profile }));
  // The numbers of a profile would be rounded by JSON.parse, so that it is put into the text.
  return JSON.stringify(specification(), undefined, 1).replace('"SECCOMP"', seccomp);
}

/** Returns what the probe reads. */
export function recordsOf(calls: readonly Call[]): Buffer {
  return Buffer.concat(calls.map(recordOf));
}

/** Returns the results of calls, from what the probe has printed. */
export function resultsOf(stdout: string, calls: readonly Call[]): readonly KernelResult[] {
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== calls.length) throw new Error(`${calls.length} calls, ${lines.length} results: ${stdout}`);
  return lines.map(resultOf);
}

/** Compiles the probe to a file. */
export function compileProbe(program: string): void {
  const source = fileURLToPath(new URL('./probe.c', import.meta.url));
  const options = ['-O1', '-static', '-nostdlib', '-fno-stack-protector', '-o', program];
  execFileSync(peer('cc'), [...options, source]);
}

function recordOf(call: Call): Buffer {
  const numbers = harmlessCalls[call.syscall] ?? otherCalls[call.syscall];
  if (numbers === undefined) throw new Error(`${call.syscall} has no number here`);
  const is32Bit = call.architecture === 'SCMP_ARCH_X86';
  return probeRecord(is32Bit ? numbers[1] : numbers[0], call.args, is32Bit);
}

/** Returns what the probe reads of one call. */
export function probeRecord(number: number, args: readonly bigint[], is32Bit: boolean): Buffer {
  const record = Buffer.alloc(64);
  record.writeBigUInt64LE(is32Bit ? 1n : 0n, 0);
  record.writeBigUInt64LE(BigInt(number), 8);
  for (const [index, value] of args.entries()) record.writeBigUInt64LE(value, 16 + 8 * index);
  return record;
}

function resultOf(line: string): KernelResult {
  const value = /^value (-?\d+)$/.exec(line)?.[1];
  if (value !== undefined) return { value: Number(value) };
  if (line === 'trapped' || line === 'killed') return line;
  throw new Error(`the probe said ${JSON.stringify(line)}`);
}

function specification(): object {
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/probe'],
      env: ['PATH=/'],
      cwd: '/',
      noNewPrivileges: true,
      capabilities: { bounding: [], effective: [], permitted: [] },
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'probe',
    mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    linux: {
      namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
      seccomp: 'SECCOMP',
    },
  };
}
