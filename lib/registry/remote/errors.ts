import { type ErrorKind, FairleadError } from '#lib/errors';
import { parseChallenges } from './challenge.ts';
import { challengeWords, readWords } from './registry-words.ts';

/** One request, as errors name it. */
export interface RequestName {
  readonly method: string;
  readonly url: URL;
}

/**
 * `GET https://host/v2/a/manifests/t`: without user, password, query and fragment, where secrets
 * may stand.
 */
export function nameRequest(request: RequestName): string {
  return `${request.method} ${request.url.origin}${request.url.pathname}`;
}

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
  return `It was asked in plain HTTP, and may speak TLS. On this machine it is asked so where its CA is in ${certsFolder(url)}; elsewhere, without --plain-http.`;
}

/** Where a registry's CA belongs. */
function certsFolder(url: URL): string {
  return `/etc/containerd/certs.d/${url.host}/ca.crt`;
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

const hintOfCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there. Check host and port (a proxy, too), and that the registry runs.',
  ENOTFOUND: 'There is no such host. Check its name (a proxy, too).',
  CERT_HAS_EXPIRED: 'Its certificate is over. Check the clock of this machine; else it is for the registry to renew.',
  CERT_NOT_YET_VALID: 'Its certificate is not valid yet. Check the clock of this machine.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for other names. Check the host name, and who answers there.',
  EAI_AGAIN: 'The host name could not be looked up. Check the network and DNS.',
  UND_ERR_CONNECT_TIMEOUT: 'The host does not answer. Check the network, proxy and firewall.',
  UND_ERR_HEADERS_TIMEOUT: 'The registry took too long to answer.',
  UND_ERR_BODY_TIMEOUT: 'The registry stopped in the middle of its answer.',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, say so (--plain-http).',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, say so (--plain-http).',
};

/**
 * What a request ended with, as an error of ours. A connection that failed or fell silent is
 * Unavailable, with the system's or TLS's own words; certificates and keys of ours that TLS cannot
 * use are InvalidInput; anything that neither network nor TLS throws is a defect.
 */
export function requestError(request: RequestName, error: unknown): FairleadError {
  if (error instanceof FairleadError) return error;
  const code = errorCode(error);
  const message = `${nameRequest(request)}: ${(error instanceof Error ? error.message : String(error)) || code}`;
  if (code.startsWith('ERR_OSSL')) {
    return new FairleadError('InvalidInput', message, {
      cause: error,
      hint: 'A certificate or key that is configured for this host cannot be used.',
    });
  }
  if (!isNetworkError(code)) {
    const hint = 'This is a defect of Fairlead. Please report it with what you did.';
    return new FairleadError('Internal', message, { cause: error, hint });
  }
  const hint =
    hintOfCode[code] ??
    (isCertificateError(code)
      ? `Its certificate is not trusted. If it should be, put its CA into ${certsFolder(request.url)}, or name it in NODE_EXTRA_CA_CERTS.`
      : 'Check the network and the registry.');
  return new FairleadError('Unavailable', message, { cause: error, hint });
}

/**
 * Says whether the same request may go well a moment later: not where the peer's certificate or
 * protocol is wrong, or we are.
 */
export function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  return isNetworkError(code) && !isCertificateError(code) && !code.startsWith('ERR_SSL') && code !== 'ENOTFOUND';
}

/** Codes of undici that say how it was called, not what became of the connection. */
const misuses: ReadonlySet<string> = new Set([
  'UND_ERR',
  'UND_ERR_INVALID_ARG',
  'UND_ERR_INVALID_RETURN_VALUE',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

/**
 * Says whether a code is one of the network's: of the system (`ECONNRESET`), TLS, Node's streams
 * and HTTP/2, or undici and its parser.
 */
function isNetworkError(code: string): boolean {
  if (isCertificateError(code)) return true;
  if (code.startsWith('UND_ERR')) return !misuses.has(code);
  return /^(?:E[A-Z0-9]+|EAI_[A-Z]+|HPE_.+|ERR_SSL_.+|ERR_HTTP2_.+|ERR_STREAM_PREMATURE_CLOSE)$/.test(code);
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  // Not every one of these has a code.
  if (error.name === 'HTTPParserError') return 'HPE_INVALID';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? '' : errorCode(error.cause);
}

function isCertificateError(code: string): boolean {
  return /CERT|^ERR_TLS|^UNABLE_TO_|SELF_SIGNED|^HOSTNAME_MISMATCH/.test(code);
}
