import { quote } from '#lib/text/quote';

/** The whole of a text, or a pattern that the whole of it must match (see {@link fits}). */
export type Expected = { readonly exact: string } | { readonly pattern: string };

/**
 * The claims about a build that Fulcio writes into a certificate, and their object identifiers
 * (fulcio, docs/oid-info.md).
 */
export const claimOids = {
  /** The repository that was built, such as `https://github.com/acme/profiles`. */
  repository: '1.3.6.1.4.1.57264.1.12',
  /** The branch or tag that was built, such as `refs/heads/main`. */
  ref: '1.3.6.1.4.1.57264.1.14',
  /**
   * The workflow at the top, such as
   * `https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main`.
   */
  workflow: '1.3.6.1.4.1.57264.1.18',
  /** The event that started it, such as `push`. */
  trigger: '1.3.6.1.4.1.57264.1.20',
  /** The machine that ran it: `github-hosted` or `self-hosted`. */
  runner: '1.3.6.1.4.1.57264.1.11',
} as const;

/** A claim of the OIDC token that Fulcio puts into a certificate as an extension. */
export type Claim = keyof typeof claimOids;

/** The signer that a policy requires. */
export interface ExpectedIdentity {
  /** The OIDC issuer of the identity. */
  readonly issuer: Expected;
  /** The subject alternative name of the certificate. */
  readonly identity: Expected;
  readonly claims: Readonly<Partial<Record<Claim, string>>>;
}

/** The signer that a certificate names. */
export interface CertificateIdentity {
  readonly issuer: string;
  readonly identity: string;
  readonly claims: Readonly<Partial<Record<Claim, string>>>;
}

/**
 * Reports whether the whole text is as expected. In a pattern, `*` matches any run of characters
 * except `/`, and `**` any run.
 */
export function fits(text: string, expected: Expected): boolean {
  if ('exact' in expected) return text === expected.exact;
  // The positions of the text that can be reached after each piece of the pattern: no pattern makes
  // this backtrack.
  let reached = new Set([0]);
  for (const piece of expected.pattern.split(/(\*{1,2})/)) {
    const next = new Set<number>();
    for (const position of reached) {
      if (piece === '**' || piece === '*') {
        for (let end = position; end <= text.length && !next.has(end); end++) {
          next.add(end);
          if (piece === '*' && text[end] === '/') break;
        }
      } else if (text.startsWith(piece, position)) next.add(position + piece.length);
    }
    reached = next;
  }
  return reached.has(text.length);
}

/** Returns what about a signer is not as expected; undefined if everything is. */
export function identityProblem(found: CertificateIdentity, expected: ExpectedIdentity): string | undefined {
  if (!fits(found.issuer, expected.issuer)) return `its certificate is from issuer ${quote(found.issuer, 300)}`;
  if (!fits(found.identity, expected.identity)) return `it was made by ${quote(found.identity, 300)}`;
  for (const [claim, wanted] of Object.entries(expected.claims) as [Claim, string][]) {
    const value = found.claims[claim];
    if (value === undefined) return `its certificate names no ${claim}`;
    if (value !== wanted) return `the ${claim} in its certificate is ${quote(value, 300)}`;
  }
  return undefined;
}

/** Returns how messages name an expected identity. */
export function describeIdentity({ issuer, identity, claims }: ExpectedIdentity): string {
  const text = (expected: Expected): string => ('exact' in expected ? expected.exact : `${expected.pattern} (pattern)`);
  const claimed = Object.entries(claims).map(([claim, value]) => `, ${claim} ${value}`);
  return `identity ${text(identity)} from ${text(issuer)}${claimed.join('')}`;
}
