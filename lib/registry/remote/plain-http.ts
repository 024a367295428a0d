import { FairleadError } from '#lib/errors';

/** Says whether a URL's host is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(url: URL): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/.test(url.hostname);
}

/** Throws NotAllowed where a URL is plain HTTP to another machine than this one, and no host that the user said speaks plain HTTP. */
export function refusePlainHttp(url: URL, allowedHost: string | undefined, what: string): void {
  if (url.protocol === 'https:') return;
  if (url.protocol === 'http:' && (isLoopback(url) || url.host === allowedHost)) return;
  throw new FairleadError('NotAllowed', `${what} leads to ${url.protocol}//${url.host}, which is not HTTPS`, {
    hint: 'Nothing was sent there. Let the registry use HTTPS for it.',
  });
}
