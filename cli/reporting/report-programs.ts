import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { basename } from 'node:path';

/**
 * Reports each program that this process runs, such as a credential helper, by its name and its
 * first argument if that is a word. Other arguments, input and output may be secrets.
 */
export function reportPrograms(report: (line: string) => void): void {
  subscribe('child_process', (message) => {
    const { process: child } = message as { readonly process: ChildProcess };
    // Node publishes a process before it is started.
    queueMicrotask(() => {
      const [, action = ''] = child.spawnargs ?? [];
      const word = /^[a-z][a-z-]{0,31}$/.test(action) ? ` ${action}` : '';
      report(`run ${basename(child.spawnfile ?? 'a program')}${word}`);
    });
  });
}
