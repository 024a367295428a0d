import type { Digest } from '#lib/registry/digest';
import type { CertificateIdentity } from './identity.ts';

/** Media type of a Sigstore bundle v0.3, and artifactType of the manifest that carries one. */
export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** The supported media types of bundles: v0.3 in both of its spellings, and earlier versions. */
export const readBundleMediaTypes: readonly string[] = [
  bundleMediaType,
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
];

/**
 * artifactType of the referrer in which cosign 2 stores signatures
 * (`--registry-referrers-mode=oci-1-1`).
 */
export const cosignSignatureType = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** The annotation of a bundle's manifest with the predicate type. */
export const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

/**
 * The formats in which signatures and attestations are written: Sigstore bundles (cosign 3), or the
 * legacy format (cosign 2).
 */
export type SignatureFormat = 'bundle' | 'legacy';

/** A signature as it was found beside an artifact: bytes of which nothing is verified yet. */
export type Signature =
  | {
      readonly format: 'bundle';
      /** Digest of the manifest that carried it. */
      readonly manifest: Digest;
      /** Sigstore bundle, JSON, as stored. */
      readonly bundle: Uint8Array;
      /**
       * The bytes of the artifact's manifest, if the bundle signs them directly (a message
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
 * Why an artifact may be used: what the policy requires, and which signatures meet it. Stored with
 * the artifact, shown to people, and logged.
 */
export interface Verification {
  /** `match` of the policy rule that allowed it. */
  readonly rule: string;
  /** True if the rule has `unsigned: true`, so that no signature is required. */
  readonly unsigned: boolean;
  /**
   * The signatures and attestations that satisfied the rule's requirements: for each, as many as
   * its threshold.
   */
  readonly signatures: readonly HeldSignature[];
}

/** A signature that satisfied a requirement, and who made it. */
export type HeldSignature = {
  /** The predicate type, if it is an attestation that the rule requires. */
  readonly attestation?: string;
  readonly format: Signature['format'];
  /** Digest of the manifest that carries it. */
  readonly manifest: Digest;
} & SignedBy;

/** Who made a signature: a key of the policy, or an identity. */
export type SignedBy = {
  /**
   * The indexes in the verified entries of transparency logs; absent if the rule ignores such
   * entries.
   */
  readonly logIndexes?: readonly string[];
  /**
   * When the signature was there already (RFC 3339): the earliest time in its verified log entries
   * and timestamps. Absent if none has a time, or the rule ignores them.
   */
  readonly signedAt?: string;
} & (
  | {
      /** The key file of the policy that it was verified with. */
      readonly key: string;
      /**
       * SHA-256 of the key's SPKI DER, hex: the same key has the same fingerprint, whatever file it
       * is in.
       */
      readonly keyFingerprint: string;
      readonly certificate?: undefined;
    }
  | {
      /** The identity in the verified certificate. */
      readonly certificate: CertificateIdentity;
      readonly key?: undefined;
      readonly keyFingerprint?: undefined;
    }
);
