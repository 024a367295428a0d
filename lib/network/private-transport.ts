import { isLoopback } from './loopback.ts';

/** Reports whether what is sent to a URL cannot be read on the way: HTTPS, or this machine. */
export function isPrivateTransport(text: string): boolean {
  const url = new URL(text);
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url));
}
