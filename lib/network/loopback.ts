/** Reports whether a URL's host is this machine: `localhost`, `*.localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(url: URL): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/.test(url.hostname);
}
