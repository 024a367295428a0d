import { STATUS_CODES } from 'node:http';
import { type ErrorKind, errorMapping, FairleadError, toFairleadError } from '#lib/errors';

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

const titles: Readonly<Record<ErrorKind, string>> = {
  InvalidInput: 'The request makes no sense',
  ProfileInvalid: 'The profile is not valid',
  NotAllowed: 'No rule of the trust policy allows it',
  SignatureInvalid: 'No signature that the trust policy asks for',
  Unauthenticated: 'Other credentials are wanted',
  NotFound: 'Not found',
  Unavailable: 'The registry is out of reach',
  Conflict: 'Somebody else changed it',
  LimitExceeded: 'Too much, too many or too long',
  Internal: 'A defect of Fairlead',
};

/** An error of Fastify or its parsers: it knows its HTTP status. */
interface HttpError extends Error {
  readonly statusCode: number;
}

/**
 * Says a thrown value as problem details.
 * What is our own defect is not told to the caller: its message is for the log.
 */
export function toProblem(thrown: unknown, requestId: string): Problem {
  const { error, status } = isHttpError(thrown) ? fromHttpError(thrown) : fromThrown(thrown);
  return {
    type: `https://fairlead.dev/problems/${error.kind}`,
    title: titles[error.kind],
    status,
    detail: error.kind === 'Internal' ? 'The request failed; the log says why.' : error.message,
    instance: requestId,
    kind: error.kind,
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(error.pointer !== undefined && { pointer: error.pointer }),
  };
}

function fromThrown(thrown: unknown): { error: FairleadError; status: number } {
  const error = toFairleadError(thrown);
  return { error, status: errorMapping[error.kind].http };
}

function fromHttpError(thrown: HttpError): { error: FairleadError; status: number } {
  const { statusCode: status, message } = thrown;
  if (status === 413 || status === 429) return { error: new FairleadError('LimitExceeded', message), status };
  if (status < 500)
    return { error: new FairleadError('InvalidInput', message || (STATUS_CODES[status] ?? '')), status };
  return { error: toFairleadError(thrown), status };
}

function isHttpError(thrown: unknown): thrown is HttpError {
  return (
    thrown instanceof Error &&
    !(thrown instanceof FairleadError) &&
    typeof Reflect.get(thrown, 'statusCode') === 'number'
  );
}
