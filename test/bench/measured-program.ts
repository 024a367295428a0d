import { execFileSync, type SpawnSyncOptionsWithStringEncoding, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { peer } from '#test/peers/peer';

/** What one run of a program used. */
export interface Usage {
  /** Milliseconds by the clock. */
  readonly wall: number;
  /** Milliseconds of processor time. Other processes on the machine count less here. */
  readonly processor: number;
  /** The peak of the resident memory, in megabytes. */
  readonly peak: number;
}

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: readonly string[]];

/** Runs a program, which must succeed, and returns what it used. */
export type Measure = (command: Command) => Usage;

/**
 * Builds measure.c in a directory, and returns what runs programs by it. They have the directory as
 * their working and home directory.
 */
export function buildMeasure(directory: string): Measure {
  const measure = join(directory, 'measure');
  execFileSync(peer('cc'), ['-O1', '-o', measure, join(import.meta.dirname, 'measure.c')]);
  const options: SpawnSyncOptionsWithStringEncoding = {
    cwd: directory,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: directory },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  };
  return (command) => {
    const { status, stderr, output } = spawnSync(measure, command, options);
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
    const [wall = Number.NaN, processor = Number.NaN, peak = Number.NaN] = (output[3] ?? '').split(' ').map(Number);
    return { wall: wall / 1e3, processor: processor / 1e3, peak: (peak * 1024) / 1e6 };
  };
}
