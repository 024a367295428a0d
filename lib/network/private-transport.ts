const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Says whether nobody on the way can read what is sent to a URL: by https, or to this machine. */
export function isPrivateTransport(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
}
