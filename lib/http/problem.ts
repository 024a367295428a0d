import { STATUS_CODES } from 'node:http';
import { type ErrorKind, errorMapping, FairleadError, shownMessage, toFairleadError } from '#lib/errors';
import { failedFilesOf, type LocalPaths, withoutLocalPaths } from './local-paths.ts';

/** RFC 9457 problem details, with three extension members: `kind`, `hint` and `causes`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The request id: what to look for in the log. */
  readonly instance: string;
  readonly kind: ErrorKind;
  readonly hint?: string;
  /** Where in the request's document the fault lies, as a JSON pointer (RFC 6901). */
  readonly pointer?: string;
}

/** Statuses that HTTP has for requests of their own kind: problems of another type. */
const ofStatus: Readonly<Record<number, { readonly type: string; readonly title: string }>> = {
  405: { type: 'MethodNotAllowed', title: 'The resource does not support this method' },
  406: { type: 'NotAcceptable', title: 'No acceptable media type is available' },
  415: { type: 'UnsupportedMediaType', title: 'The media type or coding of the body is not supported' },
};

/** An error of Fastify or its parsers, with its HTTP status. */
interface StatusError extends Error {
  readonly statusCode: number;
}

/** A request that HTTP has a status for. */
export class HttpError extends Error {
  readonly statusCode: number;
  readonly hint: string;
  /** Headers that the answer must have. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    statusCode: number,
    message: string,
    { hint, headers = {} }: { hint: string; headers?: HttpError['headers'] },
  ) {
    super(message);
    this.statusCode = statusCode;
    this.hint = hint;
    this.headers = headers;
  }
}

/**
 * Returns the problem details for a thrown value. Callers get no details of bugs, which are for the
 * log, and no names of files of this machine (`localPaths`).
 */
export function toProblem(thrown: unknown, requestId: string, localPaths: LocalPaths = {}): Problem {
  const { error, status } = isStatusError(thrown) ? fromStatusError(thrown) : fromThrown(thrown);
  const failedFiles = failedFilesOf(thrown);
  const shown = (text: string): string => withoutLocalPaths(text, localPaths, failedFiles);
  const { type, title } = ofStatus[status] ?? { type: error.kind, title: errorMapping[error.kind].meaning };
  return {
    type: `https://fairlead.dev/problems/${type}`,
    title,
    status,
    detail: error.kind === 'Internal' ? 'The request failed. The log has the reason.' : shown(shownMessage(error)),
    instance: requestId,
    kind: error.kind,
    ...(error.hint !== undefined && { hint: shown(error.hint) }),
    ...(error.pointer !== undefined && { pointer: error.pointer }),
  };
}

function fromThrown(thrown: unknown): { error: FairleadError; status: number } {
  const error = toFairleadError(thrown);
  // Too many requests, which may be sent again later.
  if (error.kind === 'LimitExceeded' && error.retryAfter !== undefined) return { error, status: 429 };
  return { error, status: errorMapping[error.kind].http };
}

function fromStatusError(thrown: StatusError): { error: FairleadError; status: number } {
  const { statusCode: status, message } = thrown;
  const options = thrown instanceof HttpError ? { hint: thrown.hint } : {};
  if (status === 413 || status === 429) return { error: new FairleadError('LimitExceeded', message, options), status };
  if (status < 500) {
    return { error: new FairleadError('InvalidInput', message || (STATUS_CODES[status] ?? ''), options), status };
  }
  return { error: toFairleadError(thrown), status };
}

function isStatusError(thrown: unknown): thrown is StatusError {
  return (
    thrown instanceof Error &&
    !(thrown instanceof FairleadError) &&
    typeof Reflect.get(thrown, 'statusCode') === 'number'
  );
}
