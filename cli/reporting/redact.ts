const redacted = 'REDACTED';

/** Query parameters of registries and token services that are no secrets. All others may be. */
const plainParameters: ReadonlySet<string> = new Set([
  'artifactType',
  'digest',
  'from',
  'last',
  'mount',
  'n',
  'ns',
  'scope',
  'service',
]);

/** A part of a path that looks like a token: a JWT, or longer than a digest. */
const token = /^eyJ|^.{80,}$/;

/**
 * Returns a URL without what may be a secret: credentials, tokens in its path, and most of its
 * query.
 */
export function redactUrl(url: URL): string {
  const path = url.pathname
    .split('/')
    .map((part) => (token.test(part) ? redacted : part))
    .join('/');
  const query = [...url.searchParams].map(
    ([name, value]) => `${name}=${plainParameters.has(name) && !token.test(value) ? value : redacted}`,
  );
  return `${url.origin}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** Secrets of this process that have been sent: what a server returns may contain them. */
export class SentSecrets {
  readonly #secrets = new Set<string>();

  /** Adds the secrets in a header of a request. */
  addHeader(name: string, value: string): void {
    if (!/authorization|cookie|token|key|secret/i.test(name)) return;
    const [, sent = value] = /^\S+ (.+)$/.exec(value) ?? [];
    this.#add(value, sent);
    if (!/^basic /i.test(value)) return;
    const pair = Buffer.from(sent, 'base64').toString('utf8');
    this.#add(pair, pair.slice(pair.indexOf(':') + 1));
  }

  /** Returns a text without these secrets. */
  redact(text: string): string {
    let result = text;
    for (const secret of this.#secrets) result = result.replaceAll(secret, redacted);
    return result;
  }

  #add(...secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (secret.length < 4) continue;
      this.#secrets.add(secret);
      this.#secrets.add(encodeURIComponent(secret));
    }
  }
}
