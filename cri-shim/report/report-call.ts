import type { FairleadError } from '#lib/errors';
import { shorten } from '#lib/text/quote';
import type { ShimMetrics } from './metrics.ts';
import type { Recent } from './recent.ts';
import type { ShimLog } from './shim-log.ts';

/** The pod, as `namespace/name`, the container and the reference of a call, for logs. */
export interface CalledFor {
  readonly pod?: string;
  readonly container?: string;
  readonly reference?: string;
}

interface ReportDependencies {
  readonly log: Pick<ShimLog, 'warn'>;
  readonly metrics: Pick<ShimMetrics, 'refused' | 'abandoned'>;
}

/**
 * Maximum length of one text in the log, in characters: the name of a profile may have a mebibyte,
 * and the kubelet retries.
 */
const longestText = 4096;

/** Logs and counts a call that the shim refused. */
export function reportRefusal(
  method: string,
  { pod, container }: CalledFor,
  { kind, hint, message }: FairleadError,
  { log, metrics, recent }: ReportDependencies & { readonly recent: Pick<Recent, 'refused'> },
): void {
  metrics.refused(method, kind);
  const names = {
    ...(pod === undefined ? {} : { pod: shorten(pod, longestText) }),
    ...(container === undefined ? {} : { container: shorten(container, longestText) }),
  };
  recent.refused({ method, kind, message: shorten(message, longestText), ...names });
  const fields = {
    ...{ messageId: 'fairlead.profile.refused', ...names, method, kind },
    ...(hint === undefined ? {} : { hint: shorten(hint, longestText) }),
  };
  log.warn(fields, shorten(message, longestText));
}

/** Logs and counts a call that ended before the shim could answer it. */
export function reportAbandonment(
  method: string,
  called: CalledFor,
  cause: 'cancelled' | 'deadline',
  { log, metrics }: ReportDependencies,
): void {
  metrics.abandoned(method, cause);
  const names = Object.entries(called).map(([field, text]) => [field, shorten(text, longestText)]);
  log.warn(
    { messageId: 'fairlead.call.abandoned', ...Object.fromEntries(names), method, cause },
    cause === 'deadline' ? 'the deadline of the call has passed' : 'the client has cancelled the call',
  );
}
