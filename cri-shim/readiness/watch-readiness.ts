import type { ShimLog } from '../report/shim-log.ts';
import type { Readiness, ReadinessCheck } from './readiness.ts';

/** How often the checks run, in milliseconds. */
const interval = 10_000;

/** The dependencies of watchReadiness. */
export interface WatchDependencies {
  readonly readiness: Pick<Readiness, 'check'>;
  readonly log: Pick<ShimLog, 'info' | 'warn'>;
}

/**
 * Logs when a check of a running shim begins to fail, and when it passes again: nodes without
 * metrics have no other record of that. What fails at the start is reported by untilReady. Returns
 * a function that stops it.
 */
export function watchReadiness({ readiness, log }: WatchDependencies): () => void {
  let failing: ReadonlySet<string> | undefined;
  const report = ({ name: check, problem }: ReadinessCheck): void => {
    if (problem !== undefined && failing?.has(check) === false) {
      const hint = 'To find out what is wrong: fairlead node doctor';
      log.warn({ messageId: 'fairlead.readiness.lost', check, hint }, `the shim is not ready: ${problem}`);
    }
    if (problem === undefined && failing?.has(check) === true) {
      log.info({ messageId: 'fairlead.readiness.restored', check }, `the check of the ${check} passes again`);
    }
  };
  const look = async (): Promise<void> => {
    const checks = await readiness.check();
    for (const each of checks) report(each);
    failing = new Set(checks.flatMap(({ name, problem }) => (problem === undefined ? [] : [name])));
  };
  const timer = setInterval(() => void look(), interval).unref();
  return () => clearInterval(timer);
}
