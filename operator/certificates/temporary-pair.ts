import { issueAuthority, issueServing } from './issue.ts';

const hourMs = 60 * 60 * 1000;

/** Makes a certificate that is not trusted by any client, with its key, as PEM. */
export function temporaryPair(names: readonly string[]): { cert: string; key: string } {
  const lifetime = { notBefore: new Date(Date.now() - hourMs), notAfter: new Date(Date.now() + hourMs) };
  const { certificate, key } = issueServing(issueAuthority(lifetime), names, lifetime);
  return { cert: certificate, key };
}
