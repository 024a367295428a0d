import * as v from 'valibot';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { quote } from '../text/quote.ts';

const kindOfStatus: Readonly<Record<number, ErrorKind>> = {
  400: 'InvalidInput',
  401: 'Unauthenticated',
  403: 'NotAllowed',
  404: 'NotFound',
  405: 'NotFound',
  409: 'Conflict',
  410: 'Conflict',
  413: 'LimitExceeded',
  415: 'InvalidInput',
  422: 'InvalidInput',
};

/** Whatever a server asks for, it is not left alone for longer. */
const longestRetryMs = 300_000;
/** Characters of the API server's message that are quoted; it names every invalid field. */
const mostQuoted = 2000;
/** Characters that are quoted of an answer of something else, such as a proxy's page. */
const mostQuotedOfOthers = 300;

/** The part of a metav1 Status that we read. */
const statusSchema = v.object({
  kind: v.literal('Status'),
  message: v.string(),
  reason: v.optional(v.string(), ''),
  code: v.optional(v.number()),
  details: v.optional(
    v.object({ causes: v.nullish(v.array(v.object({ reason: v.optional(v.string(), '') })), []) }),
    {},
  ),
});

/** An error of a request to the API server. */
export class ApiError extends FairleadError {
  /** The status of the answer; 0 if the server did not answer. */
  readonly status: number;
  /** The reason in the answer, such as `AlreadyExists`; empty if the answer has none. */
  readonly reason: string;
  /** Milliseconds after which the API server wants to be asked again. */
  readonly retryAfterMs?: number;

  constructor(
    summary: string,
    answer: { status: number; reason: string; retryAfterMs?: number | undefined },
    options: { cause?: unknown; hint?: string } = {},
  ) {
    super(kindOfStatus[answer.status] ?? 'Unavailable', summary, options);
    this.status = answer.status;
    this.reason = answer.reason;
    if (answer.retryAfterMs !== undefined) this.retryAfterMs = answer.retryAfterMs;
  }
}

/** Returns the error that an answer with a status other than 2xx stands for. */
export function apiErrorOf(host: string, status: number, body: string, retryAfter: string | undefined): ApiError {
  const retryAfterMs = parseRetryAfter(retryAfter);
  const parsed = v.safeParse(statusSchema, parseJson(body));
  if (!parsed.success) {
    const summary = `${host} answers ${status}: ${quote(body, mostQuotedOfOthers)}`;
    return new ApiError(summary, { status, reason: '', retryAfterMs });
  }
  const { message, reason, details } = parsed.output;
  const summary = `${host} answers ${status}: ${quote(message, mostQuoted)}`;
  return new ApiError(summary, { status, reason: causeOf(details) ?? reason, retryAfterMs });
}

/** Returns the error that the object of a watch event of type ERROR stands for. */
export function apiErrorOfEvent(object: unknown): ApiError {
  const parsed = v.safeParse(statusSchema, object);
  if (!parsed.success) return new ApiError('the API server sends an unknown error', { status: 500, reason: '' });
  const { message, reason, code = 500, details } = parsed.output;
  return new ApiError(`the API server sends ${code}: ${quote(message, mostQuoted)}`, {
    status: code,
    reason: causeOf(details) ?? reason,
  });
}

/**
 * Returns whether a resourceVersion or continue token can no longer be used, so that everything has
 * to be listed again: it was compacted away (410), or it is of a time that this API server does not
 * know, for example after etcd was restored from a backup.
 */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 410 || error.reason === 'Expired' || error.reason === versionTooLarge;
}

/**
 * Reports whether the API server was unreachable, overloaded or failed internally, or does not
 * serve the resource, so that other requests are likely to fail too.
 */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 0 || error.status === 429 || error.status >= 500 || isUnserved(error);
}

/** Reports whether the API server does not serve the resource, or not yet. */
export function isUnserved(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && !isNotFound(error);
}

/**
 * Reports whether who asked has no right to. The same status, 403, is answered for a namespace that
 * is being deleted, a quota that is used up, and what an admission webhook refuses.
 */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403 && /\bforbidden: User .* cannot /.test(error.summary);
}

/**
 * Reports whether the API server answered that an object does not exist. An API server that has
 * just started answers 404 with a text until it knows its custom resources, as it does for a
 * resource without a CustomResourceDefinition: nothing is known about the object then.
 */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && error.reason === 'NotFound';
}

/**
 * Reports whether the API server answered a list or watch that it does not serve the resource, for
 * example because its CustomResourceDefinition is missing.
 */
export function isMissingCollection(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Reports whether an object could not be created because its namespace is being deleted. */
export function isInEndingNamespace(error: unknown): boolean {
  return error instanceof ApiError && error.reason === namespaceTerminating;
}

/** Returns when the API server wants to be asked again after this error, if it stated that. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof ApiError ? error.retryAfterMs : undefined;
}

const versionTooLarge = 'ResourceVersionTooLarge';
const namespaceTerminating = 'NamespaceTerminating';
const causes: readonly string[] = [versionTooLarge, namespaceTerminating];

/** These reasons are only in the causes; that of the answer is `Timeout` or `Forbidden`. */
function causeOf(details: v.InferOutput<typeof statusSchema>['details']): string | undefined {
  return details.causes?.find(({ reason }) => causes.includes(reason))?.reason;
}

/**
 * Returns the milliseconds of a Retry-After header (RFC 9110): seconds, which is what API servers
 * send. A date, which a proxy may send, is ignored, since clocks differ.
 */
function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header) ? Math.min(Number(header) * 1000, longestRetryMs) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
