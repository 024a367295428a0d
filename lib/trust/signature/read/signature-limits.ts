import { legacyManifestBytes } from '../legacy/legacy-manifest.ts';

/**
 * The most that is read of what is stored beside an artifact. A bundle made with a key has 1 KiB, a
 * keyless one 8 KiB. What exceeds these limits is skipped, so that referrers pushed by a stranger
 * can neither exhaust the reader nor hide the signature that it looks for.
 */
export const signatureLimits = {
  referrers: 10_000,
  manifests: 128,
  /**
   * At most this number of manifests that look like signatures, the first ones included, until this
   * number of bytes was read and this number of milliseconds has passed.
   */
  moreManifests: 1024,
  moreBytes: 8 * 1024 * 1024,
  moreTime: 10_000,
  manifestBytes: 64 * 1024,
  /** Of one referrer, with all of its layers. */
  bundleBytes: 256 * 1024,
  /** Cosign 2 writes one layer for each signature that it adds. */
  referrerLayers: 8,
  legacyLayers: 128,
  legacyManifestBytes,
  legacyPayloadBytes: 64 * 1024,
} as const;
