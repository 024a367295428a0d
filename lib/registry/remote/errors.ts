import { type ErrorKind, FairleadError } from '#lib/errors';
import { challengeWords, readWords } from '../../network/error-words.ts';
import { certsFile, nameRequest, type RequestName } from '../../network/request-error.ts';
import { parseChallenges } from './challenge.ts';

/**
 * Error codes of the distribution-spec (and of Docker's and Harbor's registries) that are more
 * precise than the status. DENIED is Unauthenticated, not NotAllowed: NotAllowed is a decision of
 * our own policy, and a refusal by a registry is fixed by other credentials. TOOMANYREQUESTS is
 * Unavailable: it is temporary, and the kubelet tries again.
 */
const kindOfCode: Readonly<Record<string, ErrorKind>> = {
  NAME_UNKNOWN: 'NotFound',
  MANIFEST_UNKNOWN: 'NotFound',
  BLOB_UNKNOWN: 'NotFound',
  NOT_FOUND: 'NotFound',
  MANIFEST_BLOB_UNKNOWN: 'NotFound',
  BLOB_UPLOAD_UNKNOWN: 'Unavailable',
  BLOB_UPLOAD_INVALID: 'Unavailable',
  UNAUTHORIZED: 'Unauthenticated',
  DENIED: 'Unauthenticated',
  TOOMANYREQUESTS: 'Unavailable',
  NAME_INVALID: 'InvalidInput',
  TAG_INVALID: 'InvalidInput',
  MANIFEST_INVALID: 'InvalidInput',
  DIGEST_INVALID: 'InvalidInput',
  SIZE_INVALID: 'InvalidInput',
  UNSUPPORTED: 'InvalidInput',
};

const hintOfKind: Readonly<Partial<Record<ErrorKind, string>>> = {
  Unauthenticated:
    'Log in to the registry (fairlead login, docker login) with credentials that may do this, or check the repository name: many registries return this for a repository that does not exist.',
  NotFound: 'Check the registry, the repository and the tag or digest.',
  Unavailable: 'The registry cannot serve this now. Try again later.',
  InvalidInput: 'The registry refused this request; its message states the reason.',
  LimitExceeded: 'The registry refused content of this size.',
};

/** Further parts of an answer with an error. */
export interface ErrorContext {
  /** The WWW-Authenticate header. */
  readonly challenge?: string | undefined;
  /** The Retry-After header. */
  readonly retryAfter?: string | undefined;
  /** Secrets that were sent: a registry may echo them, and the error must not contain them. */
  readonly secrets?: readonly string[] | undefined;
}

/**
 * Returns the error for an unexpected answer of a registry. `body` is the start of the answer's
 * body, from which the registry's error codes (distribution-spec, "Error Codes") and texts are
 * taken (see readWords), or those of its challenge.
 */
export function responseError(
  request: RequestName,
  status: number,
  body: string,
  { challenge, retryAfter, secrets = [] }: ErrorContext = {},
): FairleadError {
  const { codes, text, structured } = readWords(body, secrets);
  const challenged = parseChallenges(challenge ?? '').map(({ parameters }) => challengeWords(parameters, secrets));
  const said = text || (challenged.find((words) => words !== '') ?? '');
  const kind = codes.map((code) => kindOfCode[code]).find((found) => found !== undefined) ?? kindOfStatus(status);
  const hint =
    kind === 'InvalidInput' && !(structured && text !== '')
      ? hintOfSilence(request, status, said !== '')
      : (hintOfWait(kind, retryAfter) ?? hintOfKind[kind]);
  return new FairleadError(kind, `${nameRequest(request)}: ${status}${said === '' ? '' : ` ${said}`}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * Returns the hint if the registry specifies when to try again, in seconds or as a date (RFC 9110,
 * 10.2.3).
 */
function hintOfWait(kind: ErrorKind, retryAfter: string | undefined): string | undefined {
  const when = retryAfter ?? '';
  if (kind !== 'Unavailable') return undefined;
  if (/^[0-9]{1,9}$/.test(when)) return `The registry cannot serve this now. Try again in ${Number(when)} seconds.`;
  const at = Date.parse(when);
  if (Number.isNaN(at)) return undefined;
  return `The registry cannot serve this now. Try again after ${new Date(at).toISOString()}.`;
}

/**
 * Returns the hint if a server refuses a request, but not in the way of a registry. Servers in Go
 * answer 400 to plain HTTP if they expect TLS.
 */
function hintOfSilence({ url }: RequestName, status: number, said: boolean): string {
  if (status < 400) return 'This is not the answer of an OCI registry. Check host and port.';
  if (url.protocol !== 'http:' || status !== 400)
    return `The registry refused this request${said ? '; its message states the reason' : ' without a reason'}. Check host and port.`;
  return `The request used plain HTTP, and the server may expect TLS. Leave out \`plainHttp\`; for a registry on this machine, put its CA into ${certsFile(url)}.`;
}

/** Returns the registry's error codes in the body of its answer; [] if it has none. */
export function errorCodes(body: string): readonly string[] {
  return readWords(body).codes;
}

function kindOfStatus(status: number): ErrorKind {
  if (status === 401 || status === 403) return 'Unauthenticated';
  if (status === 404) return 'NotFound';
  if (status === 413) return 'LimitExceeded';
  if (status === 408 || status === 429 || status >= 500) return 'Unavailable';
  return 'InvalidInput';
}
