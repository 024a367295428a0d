import { setTimeout as delay } from 'node:timers/promises';
import type { ShimLog } from '../report/shim-log.ts';
import { isReady, type Readiness } from './readiness.ts';

/** How long after a check the next one follows, in milliseconds. */
const betweenChecks = 1_000;

/**
 * Waits until the shim can do its work, and warns once of a runtime that does not answer: it may
 * start after the shim, and its address may be wrong. Rejects with the reason of `signal`.
 */
export async function untilReady(
  readiness: Pick<Readiness, 'check'>,
  runtime: string,
  log: Pick<ShimLog, 'warn'>,
  signal: AbortSignal,
): Promise<void> {
  let hasWarned = false;
  for (;;) {
    const checks = await readiness.check();
    signal.throwIfAborted();
    if (isReady(checks)) return;
    const problem = checks.find(({ name }) => name === 'runtime')?.problem;
    if (problem !== undefined && !hasWarned) {
      hasWarned = true;
      const hint =
        'Start the container runtime, or correct its address (`runtime`). Calls are forwarded as soon as it answers.';
      log.warn({ messageId: 'fairlead.runtime.silent', runtime, hint }, `${runtime} does not answer yet: ${problem}`);
    }
    await delay(betweenChecks, undefined, { signal });
  }
}
