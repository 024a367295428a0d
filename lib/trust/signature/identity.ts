import { quote } from '#lib/text/quote';

/**
 * A text that must be this one, or fit this pattern (see {@link fits}); never a search inside it.
 */
export type Expected = { readonly exact: string } | { readonly pattern: string };

/**
 * Claims about a build that Fulcio writes into a certificate, and their object identifiers (fulcio,
 * docs/oid-info.md).
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
  /** Who runs the machine: `github-hosted` or `self-hosted`. */
  runner: '1.3.6.1.4.1.57264.1.11',
} as const;

/** A claim of the OIDC token that Fulcio puts into a certificate as an extension. */
export type Claim = keyof typeof claimOids;

/** Who signed, as the policy wants it. */
export interface ExpectedIdentity {
  /** Of the OIDC issuer that vouched for the identity. */
  readonly issuer: Expected;
  /** Of the certificate's subject alternative name. */
  readonly identity: Expected;
  readonly claims: Readonly<Partial<Record<Claim, string>>>;
}

/** Who signed, as a verified certificate says it. */
export interface CertificateIdentity {
  readonly issuer: string;
  readonly identity: string;
  readonly claims: Readonly<Partial<Record<Claim, string>>>;
}

/**
 * Says whether the whole text is the expected one; in a pattern `*` is any run of characters but
 * `/`, and `**` any run.
 */
export function fits(text: string, expected: Expected): boolean {
  if ('exact' in expected) return text === expected.exact;
  // Which positions of the text can be reached after each piece of the pattern: no backtracking,
  // whatever the pattern.
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

/** Says what about a signer is not as expected, or undefined where everything is. */
export function identityProblem(found: CertificateIdentity, expected: ExpectedIdentity): string | undefined {
  if (!fits(found.issuer, expected.issuer)) return `its certificate is from issuer ${quote(found.issuer, 300)}`;
  if (!fits(found.identity, expected.identity)) return `it was made by ${quote(found.identity, 300)}`;
  for (const [claim, wanted] of Object.entries(expected.claims) as [Claim, string][]) {
    const value = found.claims[claim];
    if (value !== wanted) return `its certificate says ${claim} ${value === undefined ? 'nothing' : quote(value, 300)}`;
  }
  return undefined;
}

/** How messages call an expected identity. */
export function describeIdentity({ issuer, identity, claims }: ExpectedIdentity): string {
  const text = (expected: Expected): string => ('exact' in expected ? expected.exact : `${expected.pattern} (pattern)`);
  const claimed = Object.entries(claims).map(([claim, value]) => `, ${claim} ${value}`);
  return `identity ${text(identity)} from ${text(issuer)}${claimed.join('')}`;
}
