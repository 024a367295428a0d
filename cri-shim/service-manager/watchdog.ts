import { toFairleadError } from '#lib/errors';
import type { ShimLog } from '../report/shim-log.ts';
import type { ServiceManager } from './service-manager.ts';

/** The dependencies of a watchdog. */
export interface WatchdogDependencies {
  readonly serviceManager: Pick<ServiceManager, 'watchdog' | 'alive'>;
  /** Makes a call to the socket of the shim, and rejects if it does not answer. */
  readonly callItself: (signal: AbortSignal) => Promise<unknown>;
  readonly log: Pick<ShimLog, 'warn'>;
}

/**
 * Calls the shim through its own socket, three times in the time after which the service manager
 * restarts it, and reports each answer. Does nothing if the service manager does not watch the
 * shim. Returns a function that stops it.
 */
export function startWatchdog({ serviceManager, callItself, log }: WatchdogDependencies): () => void {
  const { watchdog } = serviceManager;
  if (watchdog === undefined) return () => undefined;
  const interval = watchdog / 3;
  let isCalling = false;
  const check = async (): Promise<void> => {
    if (isCalling) return;
    isCalling = true;
    try {
      await callItself(AbortSignal.timeout(interval));
      await serviceManager.alive();
    } catch (thrown) {
      const { message } = toFairleadError(thrown);
      log.warn({ messageId: 'fairlead.watchdog.unanswered', err: thrown }, `the shim does not answer: ${message}`);
    } finally {
      isCalling = false;
    }
  };
  const timer = setInterval(() => void check(), interval);
  return () => clearInterval(timer);
}
