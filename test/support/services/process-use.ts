import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds. */
export interface ProcessUse {
  /** Resident memory, in MiB. */
  readonly memory: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

/** Returns what a process holds now. */
export function processUse(pid: number): ProcessUse {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return { memory: Math.round(Number(kilobytes) / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}
