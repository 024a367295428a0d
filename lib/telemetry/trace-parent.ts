import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/**
 * Returns the span of a caller from its header `traceparent` (W3C Trace Context), or undefined if
 * it is missing or invalid. `tracestate`, whose content is the caller's, is not read.
 */
export function parseTraceParent(header: string | string[] | undefined): SpanContext | undefined {
  if (typeof header !== 'string') return undefined;
  // Later versions may append fields.
  const found = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|(?<!^00.{53})-)/.exec(header);
  if (found === null) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = found;
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}
