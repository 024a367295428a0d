import { createHash } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';

/**
 * A content digest, `sha256:<64 hex>`, `sha384:<96 hex>` or `sha512:<128 hex>` (image-spec,
 * descriptor.md#digests, and the references of Kubernetes, which accept sha384 too). Made by
 * parseDigest or digestOf only.
 */
export type Digest = string & { readonly __brand: 'Digest' };

/** Algorithms of digests. */
export const digestAlgorithms = ['sha256', 'sha384', 'sha512'] as const;

/** An algorithm of digests. */
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/** Parses a digest. Throws InvalidInput for other algorithms, upper case and wrong lengths. */
export function parseDigest(text: string): Digest {
  if (!digestPattern.test(text)) {
    throw new FairleadError('InvalidInput', `invalid digest ${quote(text, 160)}: want sha256:<64 hex digits>`, {
      hint: 'A digest is sha256: and 64 lower-case hex digits, sha384: and 96, or sha512: and 128.',
    });
  }
  return text as Digest;
}

/** Reports whether the text is a digest that parseDigest accepts. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** Returns the digest of some bytes. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** Splits a digest into its algorithm and hex part. */
export function digestParts(digest: Digest): { algorithm: DigestAlgorithm; hex: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon) as DigestAlgorithm, hex: digest.slice(colon + 1) };
}
