import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A process that runs. */
export interface RunningProcess {
  /** The lines of its /proc/PID/cgroup. */
  readonly cgroups: string;
  /** Milliseconds since the epoch, of the clock as it is set now. */
  readonly startedAt: number;
}

/** How the kernel counts the start of a process, on all architectures. */
const ticksPerSecond = 100;
/** The position of the start after the name of the program, which may contain blanks. */
const startField = 19;

/**
 * Returns a process by its number in the namespace of the node; undefined if it has ended. Throws
 * other errors of the system.
 */
export async function runningProcess(pid: number, proc = '/proc'): Promise<RunningProcess | undefined> {
  try {
    const [stat, cgroups, uptime] = await Promise.all(
      [join(String(pid), 'stat'), join(String(pid), 'cgroup'), 'uptime'].map((name) =>
        readFile(join(proc, name), 'utf8'),
      ),
    );
    const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[startField]);
    const age = Number(uptime?.split(' ')[0]) - ticks / ticksPerSecond;
    return { cgroups: cgroups ?? '', startedAt: Date.now() - age * 1000 };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
