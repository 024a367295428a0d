import type { CatalogEntry, CatalogSigner } from './entry.ts';

/** What stands for the signer of a profile without one, in filters. */
export const noSigner = 'none';

/**
 * Returns the name of a signer by which profiles are filtered: `key:` and the fingerprint, or the
 * identity and its issuer. The branch or tag that a workflow ran for is left out: it changes with
 * each version.
 */
export function signerName(signer: CatalogSigner): string {
  if ('key' in signer) return `key:${signer.key}`;
  return `${signer.identity.replace(/@refs\/.*$/, '')} ${signer.issuer}`;
}

/** Returns the names of the signers of an entry, or `none`. */
export function signerNames({ signers }: Pick<CatalogEntry, 'signers'>): readonly string[] {
  return signers.length === 0 ? [noSigner] : [...new Set(signers.map(signerName))];
}
