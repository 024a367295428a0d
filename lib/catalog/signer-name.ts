import type { CatalogEntry, CatalogSigner } from './entry.ts';
import { catalogLimits } from './format.ts';

/** What stands for the signer of a profile without one, in filters. */
const noSigner = 'none';

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

/**
 * Returns each signer once, in an order that does not depend on that of the signatures: as many as
 * the annotation of an entry may have, and at least one.
 */
export function listedSigners(signers: readonly CatalogSigner[]): readonly CatalogSigner[] {
  const byText = new Map(signers.map((signer) => [JSON.stringify(signer), signer]));
  const listed: CatalogSigner[] = [];
  let length = '[]'.length;
  for (const [text, signer] of [...byText].sort(([one], [other]) => (one < other ? -1 : 1))) {
    length += text.length + ','.length;
    const isFull = listed.length === catalogLimits.signersOfEntry || length > catalogLimits.annotationLength;
    if (listed.length > 0 && isFull) break;
    listed.push(signer);
  }
  return listed;
}
