import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { compileProbe, probeRecord } from './run-probe.ts';

/** One call of an x86_64 program: the number of the syscall, and up to six arguments. */
export interface NumberedCall {
  readonly number: number;
  readonly args: readonly bigint[];
}

/**
 * Makes calls outside of any container, each in a process of its own, and returns what each
 * returned.
 *
 * @param folder where the probe is compiled to; the caller removes it.
 */
export function callDirectly(folder: string, calls: readonly NumberedCall[]): readonly number[] {
  const program = path.join(folder, 'probe');
  compileProbe(program);
  const input = Buffer.concat(calls.map(({ number, args }) => probeRecord(number, args, false)));
  const lines = execFileSync(program, { input, encoding: 'utf8', timeout: 60_000 }).trimEnd().split('\n');
  return lines.map((line) => {
    const value = /^value (-?\d+)$/.exec(line)?.[1];
    if (value === undefined) throw new Error(`the probe wrote ${JSON.stringify(line)}`);
    return Number(value);
  });
}
