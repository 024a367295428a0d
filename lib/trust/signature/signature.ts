import type { Digest } from '#lib/registry/digest';
import type { CertificateIdentity } from './identity.ts';

/** Media type of a Sigstore bundle v0.3, and artifactType of the manifest that carries one. */
export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/**
 * The media types of bundles that are read: v0.3 in both of its spellings, and the versions before
 * it.
 */
export const readBundleMediaTypes: readonly string[] = [
  bundleMediaType,
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
];

/**
 * artifactType of the manifest in which cosign 2 keeps signatures as a referrer
 * (`--registry-referrers-mode=oci-1-1`).
 */
export const cosignSignatureType = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** Annotation by which a bundle's manifest tells what the bundle states. */
export const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

/**
 * The forms in which signatures and attestations are written: Sigstore bundles (cosign 3), or those
 * of cosign 2.
 */
export type SignatureFormat = 'bundle' | 'legacy';

/**
 * A signature as it was found beside an artifact: bytes that claim something, nothing of it checked
 * yet.
 */
export type Signature =
  | {
      readonly format: 'bundle';
      /** Digest of the manifest that carried it. */
      readonly manifest: Digest;
      /** Sigstore bundle, JSON, as stored. */
      readonly bundle: Uint8Array;
      /**
       * The bytes of the artifact's manifest, where the bundle signs them as they are (a message
       * signature).
       */
      readonly message?: Uint8Array;
    }
  | {
      readonly format: 'legacy';
      readonly manifest: Digest;
      /** Simple-signing payload, as stored: the bytes that were signed. */
      readonly payload: Uint8Array;
      /** Layer annotations of cosign's signature manifest, by their full names. */
      readonly annotations: Readonly<Record<string, string>>;
    }
  | {
      readonly format: 'legacy-attestation';
      readonly manifest: Digest;
      /** DSSE envelope, JSON, as stored. */
      readonly envelope: Uint8Array;
      /** Layer annotations, as above. */
      readonly annotations: Readonly<Record<string, string>>;
    };

/**
 * Why an artifact may be used: what the policy asked and what held. Kept with the artifact, shown
 * to people, written to logs.
 */
export interface Verification {
  /** `match` of the policy rule that allowed it. */
  readonly rule: string;
  /** True where the rule says `unsigned: true` and so no signature was asked for. */
  readonly unsigned: boolean;
  /**
   * The signatures and attestations that satisfied the rule's requirements: for each, as many as
   * its threshold.
   */
  readonly signatures: readonly HeldSignature[];
}

/** A signature that satisfied a requirement, and who made it. */
export type HeldSignature = {
  /** The predicate type, where it is an attestation that the rule asks for. */
  readonly attestation?: string;
  readonly format: Signature['format'];
  /** Digest of the manifest that carries it. */
  readonly manifest: Digest;
} & SignedBy;

/** Who made a signature: a key of the policy, or an identity. */
export type SignedBy = {
  /**
   * Indexes, as the entries give them, of the verified entries in transparency logs; absent where
   * the rule looks at none.
   */
  readonly logIndexes?: readonly string[];
} & (
  | {
      /** The key file of the policy that it was verified with. */
      readonly key: string;
      /**
       * SHA-256 of the key's SPKI DER, hex: the same key has the same fingerprint wherever its file
       * lies.
       */
      readonly keyFingerprint: string;
      readonly certificate?: undefined;
    }
  | {
      /** What the verified certificate says. */
      readonly certificate: CertificateIdentity;
      readonly key?: undefined;
      readonly keyFingerprint?: undefined;
    }
);
