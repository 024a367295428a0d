import { FairleadError } from '#lib/errors';
import { type Digest, isDigest } from '#lib/registry/digest';
import { signPredicateType } from '../signature/predicate-type.ts';
import { contentOf, readBundle } from '../signature/read/bundle-content.ts';
import { signatureLimits } from '../signature/read/signature-limits.ts';
import type { Signer } from './signer.ts';

/**
 * Returns a signer whose only signature is a Sigstore bundle that someone else made: it holds an
 * in-toto statement about one artifact. To use it leaves no trace in a log. `sign` rejects with
 * SignatureInvalid if the bundle is malformed, or about another artifact. Who signed it is not
 * verified here.
 */
export function suppliedSigner(bundle: Uint8Array): Signer {
  return {
    supplied: true,
    async sign(statement) {
      assertIsFor(bundle, subjectOf(statement));
      return bundle;
    },
    async signMessage() {
      throw new FairleadError('InvalidInput', 'a bundle that was made before signs no other content');
    },
    requirements: async () => undefined,
  };
}

function assertIsFor(bundle: Uint8Array, digest: Digest): void {
  if (bundle.length > signatureLimits.bundleBytes) {
    throw new FairleadError('LimitExceeded', `the bundle has more than ${signatureLimits.bundleBytes} bytes`);
  }
  const read = readBundle(bundle);
  if (read.content.$case !== 'dsseEnvelope') {
    throw new FairleadError('SignatureInvalid', 'the bundle has no in-toto statement in a DSSE envelope');
  }
  const content = contentOf(read, undefined);
  if (content.claimedPredicateType() !== signPredicateType) {
    throw new FairleadError('SignatureInvalid', 'the bundle is an attestation, not a signature', {
      hint: `Sign the statement that a request with \`dryRun=true\` returns: its predicateType is ${signPredicateType}.`,
    });
  }
  content.assertIsFor({ digest });
}

/** Returns the artifact of a statement that was made here. */
function subjectOf(statement: Uint8Array): Digest {
  const { subject } = JSON.parse(Buffer.from(statement).toString('utf8'));
  const [algorithm, hex] = Object.entries(subject[0].digest)[0] ?? [];
  const digest = `${algorithm}:${hex}`;
  if (!isDigest(digest)) throw new Error(`a statement about ${digest}`);
  return digest;
}
