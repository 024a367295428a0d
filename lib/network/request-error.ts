import { FairleadError } from '#lib/errors';

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

const hintOfCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there. Check host and port (a proxy, too), and that the registry runs.',
  ENOTFOUND: 'There is no such host. Check its name (a proxy, too).',
  CERT_HAS_EXPIRED:
    'Its certificate expired. Check the clock of this machine; if it is right, the registry has to renew the certificate.',
  CERT_NOT_YET_VALID: 'Its certificate is not valid yet. Check the clock of this machine.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for other names. Check the host name, and who answers there.',
  EAI_AGAIN: 'The host name could not be looked up. Check the network and DNS.',
  UND_ERR_CONNECT_TIMEOUT: 'The host does not answer. Check the network, proxy and firewall.',
  UND_ERR_HEADERS_TIMEOUT: 'The registry took too long to answer.',
  UND_ERR_BODY_TIMEOUT: 'The registry stopped in the middle of its answer.',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, set `plainHttp`.',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'It does not speak TLS. If it is a plain HTTP registry that you trust, set `plainHttp`.',
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
      ? `Its certificate is not trusted. If it should be, put its CA into ${certsFile(request.url)}, or name it in NODE_EXTRA_CA_CERTS.`
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

/**
 * Returns where the CA of a URL's host is looked for by default: a file in the layout of `certs.d`.
 */
export function certsFile(url: URL): string {
  return `/etc/containerd/certs.d/${url.host}/ca.crt`;
}
