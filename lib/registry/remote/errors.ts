import { type ErrorKind, FairleadError } from '#lib/errors';
import { certsFile, nameRequest, type RequestName } from '../../network/request-error.ts';
import { parseChallenges } from './challenge.ts';
import { challengeWords, readWords } from './registry-words.ts';

/**
 * Error codes of the distribution-spec (and of Docker's and Harbor's registries) that say more than
 * the status does. DENIED is Unauthenticated, not NotAllowed: NotAllowed is what our own policy
 * says, and a registry's "no" is mended by other credentials. TOOMANYREQUESTS is Unavailable: it
 * passes with time, and the kubelet tries again.
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
    'Log in to the registry (fairlead login, docker login) with credentials that may do this, or check the repository name: many registries answer so for what does not exist.',
  NotFound: 'Check the registry, the repository and the tag or digest.',
  Unavailable: 'The registry cannot serve this now. Try again later.',
  InvalidInput: 'The registry refuses this request; its message says why.',
  LimitExceeded: 'The registry refuses content of this size.',
};

/** What came with an error's body, where it did. */
export interface ErrorContext {
  /** The WWW-Authenticate header. */
  readonly challenge?: string | undefined;
  /** The Retry-After header. */
  readonly retryAfter?: string | undefined;
  /** What was sent and nobody must read in an error: a registry may echo it. */
  readonly secrets?: readonly string[] | undefined;
}

/**
 * What a registry answered in place of what was asked for. `body` is the start of the answer's
 * body, from which the registry's codes are taken if it has any (distribution-spec, "Error Codes"),
 * and its words (see readWords), or those of its challenge.
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
 * What to do where the registry says when it can be asked again: in seconds or by a date (RFC 9110,
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
 * What may be wrong where a server refuses, and not as a registry does. Go's answers 400 to plain
 * HTTP where it expects TLS.
 */
function hintOfSilence({ url }: RequestName, status: number, said: boolean): string {
  if (status < 400) return 'That is no answer of an OCI registry. Check host and port.';
  if (url.protocol !== 'http:' || status !== 400)
    return `The registry refuses this request${said ? '; its message says why' : ' without a reason'}. Check host and port.`;
  return `The request used plain HTTP, and the server may expect TLS. Leave out \`plainHttp\`; for a registry on this machine, put its CA into ${certsFile(url)}.`;
}

/** The registry's error codes in the body of its answer; [] where it has none. */
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
