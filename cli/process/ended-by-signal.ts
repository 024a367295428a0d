import { removeUnfinished } from '#lib/files/unfinished';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Removes what is half-written if a signal ends the process (Ctrl-C, the end of a CI job), and
 * calls `report`. The process still ends by that signal.
 */
export function cleanUpAtSignals(report: (signal: NodeJS.Signals) => void): void {
  const end = (signal: NodeJS.Signals): void => {
    for (const each of signals) process.off(each, end);
    removeUnfinished();
    report(signal);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
}
