import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorKind } from '#lib/errors';
import type { LocalPaths } from '#lib/http/local-paths';
import { HttpError, type Problem, toProblem } from '#lib/http/problem';

/** The codes of errors (distribution-spec 1.1, "Error Codes") that the mirror answers with. */
const codes: Readonly<Record<ErrorKind, { readonly code: string; readonly status: number }>> = {
  InvalidInput: { code: 'NAME_INVALID', status: 400 },
  ProfileInvalid: { code: 'MANIFEST_UNKNOWN', status: 404 },
  NotAllowed: { code: 'DENIED', status: 403 },
  SignatureInvalid: { code: 'DENIED', status: 403 },
  Unauthenticated: { code: 'UNAUTHORIZED', status: 401 },
  NotFound: { code: 'MANIFEST_UNKNOWN', status: 404 },
  Unavailable: { code: 'UNAVAILABLE', status: 503 },
  Conflict: { code: 'UNAVAILABLE', status: 503 },
  LimitExceeded: { code: 'DENIED', status: 403 },
  Internal: { code: 'UNKNOWN', status: 500 },
};
const retrySeconds = 5;

/** An error with a code of the distribution specification of its own. */
export class RegistryError extends HttpError {
  readonly code: string;

  constructor(statusCode: number, code: string, message: string, options: ConstructorParameters<typeof HttpError>[2]) {
    super(statusCode, message, options);
    this.code = code;
  }
}

/**
 * Returns the handler that answers errors in the format of the distribution specification. What is
 * not a profile does not exist in the mirror.
 */
export function registryErrorAnswer(localPaths: () => LocalPaths) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = toProblem(thrown, request.id, localPaths());
    const { code, status } = codeOf(thrown, problem, request);
    if (status >= 500) request.log.error({ err: thrown }, 'request failed');
    else request.log.info({ kind: problem.kind, detail: toProblem(thrown, request.id).detail }, 'request refused');
    // A route may have stated for how long its answer is kept, before it failed.
    reply.header('cache-control', 'no-store');
    if (thrown instanceof HttpError) reply.headers(thrown.headers);
    // As clients of registries send credentials: the token is the password.
    if (status === 401) reply.header('www-authenticate', 'Basic realm="fairlead"');
    if (status === 503) reply.header('retry-after', retrySeconds);
    const { detail: message, hint } = problem;
    const errors = [{ code, message, ...(hint !== undefined && { detail: { hint } }) }];
    return reply
      .status(status)
      .type('application/json')
      .send(Buffer.from(JSON.stringify({ errors })));
  };
}

function codeOf(thrown: unknown, { kind, status }: Problem, { url }: FastifyRequest): { code: string; status: number } {
  if (thrown instanceof RegistryError) return { code: thrown.code, status };
  // Fastify's own, such as an invalid escape.
  if (thrown instanceof Error && 'statusCode' in thrown) return { code: 'UNSUPPORTED', status };
  const known = codes[kind];
  return known.code === 'MANIFEST_UNKNOWN' && url.includes('/blobs/') ? { ...known, code: 'BLOB_UNKNOWN' } : known;
}
