import type { CriClient } from '#lib/cri/client';
import { isUnimplemented } from '#lib/cri/runtime-call';
import { toFairleadError } from '#lib/errors';
import type { ShimLog } from './report/shim-log.ts';

/** How long the runtime may take to answer, in milliseconds. */
const patience = 10_000;

/**
 * Asks the runtime for its version, and warns if it does not answer: it may start after the
 * shim, and the address may be wrong. Returns a function that cancels the request.
 */
export function greetRuntime(
  cri: Pick<CriClient, 'version'>,
  runtime: string,
  log: Pick<ShimLog, 'warn'>,
): () => Promise<void> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(patience)]);
  const answered = cri.version({}, signal).then(
    () => undefined,
    (thrown: unknown) => {
      if (stopping.signal.aborted || isUnimplemented(thrown)) return;
      const { message } = toFairleadError(thrown);
      const hint =
        'Start the container runtime, or correct its address (`runtime`). Calls are forwarded as soon as it answers.';
      log.warn({ messageId: 'fairlead.runtime.silent', runtime, hint }, `${runtime} does not answer yet: ${message}`);
    },
  );
  return () => {
    stopping.abort();
    return answered;
  };
}
