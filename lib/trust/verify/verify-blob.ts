import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { FairleadError } from '#lib/errors';
import { type Digest, parseDigest } from '#lib/registry/digest';
import { type Alternative, describeAlternative } from '../policy/policy.ts';
import { signPredicateType } from '../signature/predicate-type.ts';
import { contentOf, leafCertificate, messageHashOf, readBundle } from '../signature/read/bundle-content.ts';
import { type Message, readMessage } from '../signature/read/message.ts';
import type { SignedBy } from '../signature/signature.ts';
import { attempt } from './attempt.ts';
import { foreignSignature } from './foreign-signature.ts';
import { verifySignature } from './verify-signature.ts';

/** What verifyBlob verifies a file with. */
export interface BlobRequest {
  /** The name of the file in messages. */
  readonly name: string;
  /** Sigstore bundle (JSON). */
  readonly bundle: Uint8Array;
  /** Who must have signed it. */
  readonly by: Alternative;
  /**
   * Requires an attestation of this predicate type about the file, instead of a signature of the
   * file.
   */
  readonly predicateType?: string | undefined;
}

/** A file whose signature or attestation was verified. */
export interface VerifiedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly signedBy: SignedBy;
  /** The predicate of the attestation, if one was required. */
  readonly predicate?: unknown;
}

/**
 * Verifies that a file was signed, or attested, as the bundle claims: by this key or identity, and
 * with these very bytes. Reads the file once, in pieces. An attestation is not a signature, and is
 * accepted only if its type is asked for. Rejects with SignatureInvalid, with LimitExceeded for a
 * file that is too large for an Ed25519 key, and as the stream does.
 */
export async function verifyBlob(
  pieces: AsyncIterable<Uint8Array>,
  { name, bundle: bytes, by, predicateType }: BlobRequest,
): Promise<VerifiedBlob> {
  const refuse = (reason: string, hint: string): FairleadError =>
    new FairleadError(
      'SignatureInvalid',
      `the bundle does not verify ${name} with ${describeAlternative(by)}: ${reason}`,
      { hint },
    );
  const bundle = attempt(() => readBundle(bytes));
  if ('reason' in bundle) throw refuse(foreignSignature(bytes) ?? bundle.reason, bundleHint);
  const key = attempt(() => verifyingKey(bundle.value, by));
  if ('reason' in key) throw refuse(key.reason, bundleHint);
  const message = await readMessage(pieces, { key: key.value, hash: messageHashOf(bundle.value) });
  const verified = attempt(() => verifyContent(bundle.value, message, by, predicateType));
  if ('reason' in verified) throw refuse(verified.reason, hintFor(bundle.value, message, predicateType));
  return verified.value;
}

function verifyContent(
  bundle: Bundle,
  message: Message,
  by: Alternative,
  predicateType: string | undefined,
): VerifiedBlob {
  const content = contentOf(bundle, message);
  const digest = parseDigest(`sha256:${message.digest('sha256').toString('hex')}`);
  let predicate: unknown;
  const signedBy = verifySignature(content, by, {
    checkContent(checked) {
      if (predicateType === undefined) checked.assertIsFor({ digest });
      else predicate = checked.assertAttests({ digest }, predicateType);
    },
    isNeeded: () => true,
    countVerification: () => undefined,
  });
  if (signedBy === undefined) throw new FairleadError('Internal', 'the only signature is not needed');
  return { digest, size: message.size, signedBy, ...(predicateType === undefined ? {} : { predicate }) };
}

/**
 * Returns the key that verifies a message signature, since the bytes are read only once; undefined
 * if none exists, which verifySignature refuses, and for a statement.
 */
function verifyingKey(bundle: Bundle, by: Alternative): KeyObject | undefined {
  if (bundle.content.$case === 'dsseEnvelope') return undefined;
  if (by.keyless === undefined) return by.publicKey.key;
  if (bundle.verificationMaterial.content.$case === 'publicKey') return undefined;
  try {
    return new X509Certificate(leafCertificate(bundle)).publicKey;
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'its certificate is malformed', { cause });
  }
}

const bundleHint =
  'A bundle is JSON, as `fairlead sign-blob`, `cosign sign-blob --bundle` (cosign 3) and `gh attestation download` write it.';

function hintFor(bundle: Bundle, message: Message, predicateType: string | undefined): string {
  const content = attempt(() => contentOf(bundle, message));
  const claimed = 'value' in content ? content.value.claimedPredicateType() : undefined;
  if (predicateType === undefined && claimed !== undefined && claimed !== signPredicateType) {
    return 'To verify an attestation about the file, set `predicateType` to its type.';
  }
  return 'Check that the bundle belongs to this file, and ask the publisher which key or identity signs it.';
}
