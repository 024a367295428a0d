import { FairleadError } from '#lib/errors';
import type { SignedContent } from '../../signature/read/signed-content.ts';

const named = { key: 'a key', certificate: 'a certificate' } as const;

/** Throws SignatureInvalid unless a signature names a key, or a certificate, as is expected. */
export function assertMadeWith({ madeWith }: SignedContent, expected: SignedContent['madeWith']): void {
  if (madeWith === expected) return;
  throw new FairleadError('SignatureInvalid', `it was made with ${named[madeWith]}, not with ${named[expected]}`);
}
