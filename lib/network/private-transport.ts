import { isLoopback } from './loopback.ts';

/** Reports whether nobody can read what is sent to a URL: by HTTPS, or to this machine. */
export function isPrivateTransport(text: string): boolean {
  const url = new URL(text);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}
