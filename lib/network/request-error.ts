import { FairleadError } from '#lib/errors';
import type { Timeouts } from './timeouts.ts';

/** A request, as errors name it. */
export interface RequestName {
  readonly method: string;
  readonly url: URL;
}

/**
 * Returns the name of a request, as `GET https://host/v2/a/manifests/t`: without user, password,
 * query and fragment, which may be secrets.
 */
export function nameRequest(request: RequestName): string {
  return `${request.method} ${request.url.origin}${request.url.pathname}`;
}

const hintOfCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there. Check host and port, also of a proxy, and that the server runs.',
  ENOTFOUND: 'The host does not exist. Check its name, also of a proxy.',
  CERT_HAS_EXPIRED:
    'Its certificate has expired. Check the clock of this machine. If it is right, the registry must renew the certificate.',
  CERT_NOT_YET_VALID: 'Its certificate is not valid yet. Check the clock of this machine.',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'Its certificate is for other names. Check the host name, and which server answers there.',
  EAI_AGAIN: 'The host name could not be resolved. Check the network and DNS.',
  UND_ERR_CONNECT_TIMEOUT: 'The host does not answer. Check the network, proxy and firewall.',
  UND_ERR_HEADERS_TIMEOUT:
    'The server accepts connections and takes too long to answer. Check that it is healthy, and what is before it, or try again later.',
  UND_ERR_BODY_TIMEOUT: 'The server stopped in the middle of its answer. Try again later.',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, set `plainHttp`.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, set `plainHttp`.',
};

/** The limits of a request, and how often it was sent. */
export interface RequestLimits {
  readonly timeouts: Timeouts;
  readonly attempts?: number;
}

/** Returns what a time-out of undici means, in words; undefined for other errors. */
function timeoutWords(code: string, { timeouts, attempts = 1 }: RequestLimits): string | undefined {
  const within = (limit: number): string => `within ${limit / 1000} s${attempts > 1 ? `, ${attempts} times` : ''}`;
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `no connection ${within(timeouts.connect)}`;
    case 'UND_ERR_HEADERS_TIMEOUT':
      return `no answer ${within(timeouts.headers)}`;
    case 'UND_ERR_BODY_TIMEOUT':
      return `the answer stopped, and nothing more came ${within(timeouts.body)}`;
    default:
      return undefined;
  }
}

/** Reports whether a server accepted a request, and did not answer in time. */
export function isUnanswered(error: unknown): boolean {
  return errorCode(error) === 'UND_ERR_HEADERS_TIMEOUT';
}

/**
 * Returns what a request ended with, as an error of ours. A connection that failed or timed out is
 * Unavailable, with the message of the system or TLS, and `local` if TLS is at fault; certificates
 * and keys of ours that TLS cannot use are InvalidInput; anything else is a bug.
 */
export function requestError(request: RequestName, error: unknown, limits?: RequestLimits): FairleadError {
  if (error instanceof FairleadError) return error;
  const code = errorCode(error);
  const timeout = limits && timeoutWords(code, limits);
  if (timeout !== undefined) {
    // Its cause only repeats that in the words of undici.
    const hint = hintOfCode[code];
    return new FairleadError('Unavailable', `${nameRequest(request)}: ${timeout}`, { ...(hint && { hint }) });
  }
  const message = `${nameRequest(request)}: ${(error instanceof Error ? error.message : String(error)) || code}`;
  if (code.startsWith('ERR_OSSL')) {
    return new FairleadError('InvalidInput', message, {
      cause: error,
      hint: 'A certificate or key that is configured for this host cannot be used.',
    });
  }
  if (code === 'ERR_ASSERTION') {
    // Undici asserts that a server keeps to the protocol.
    return new FairleadError('Unavailable', `${nameRequest(request)}: the answer violates HTTP`, {
      cause: error,
      hint: 'Check the host and port: a registry may not be what answers there.',
    });
  }
  if (!isNetworkError(code)) {
    const hint = 'This is a defect of Fairlead. Please report it with what you did.';
    return new FairleadError('Internal', message, { cause: error, hint });
  }
  const isOfTls = isCertificateError(code) || code.startsWith('ERR_SSL');
  const hint =
    hintOfCode[code] ??
    (isCertificateError(code)
      ? `Its certificate is not trusted. If it should be, put its CA into ${certsFile(request.url)}, or name it in NODE_EXTRA_CA_CERTS. With NODE_USE_SYSTEM_CA=1, the CAs of the system are trusted as well.`
      : 'Check the network and the registry.');
  return new FairleadError('Unavailable', message, { cause: error, hint, ...(isOfTls && { local: true }) });
}

/**
 * Reports whether the same request may succeed a moment later: not if the certificate or the
 * protocol of the peer is wrong, or we are.
 */
export function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  return isNetworkError(code) && !isCertificateError(code) && !code.startsWith('ERR_SSL') && code !== 'ENOTFOUND';
}

/** Codes of undici for a wrong call, not for a failed connection. */
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
 * Reports whether a code is one of the network: of the system (`ECONNRESET`), TLS, the streams and
 * HTTP/2 of Node, or undici and its parser.
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

/** Returns the file in the layout of `certs.d` in which the CA of a URL's host is looked for. */
export function certsFile(url: URL): string {
  return `/etc/containerd/certs.d/${url.host}/ca.crt`;
}
