import type { Artifact } from '#lib/artifact/artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { forEachOf } from '#lib/concurrency/for-each-of';
import type { Reference } from '#lib/registry/reference';
import type { CallOptions, Target } from '#lib/registry/target';
import { type Attached, attachSignature } from '#lib/trust/sign/attach-signature';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { PackedRoot } from './root.ts';

/** A catalog to push, and how it is signed. */
export interface CatalogPush {
  /** Without a tag it is found by its digest alone. */
  readonly reference: Reference;
  /** Those that the repository does not have. */
  readonly shards: readonly Artifact[];
  readonly root: PackedRoot;
  /** Without a signer the catalog is unsigned. */
  readonly signer?: Signer | undefined;
  readonly signatureFormat?: SignatureFormat | undefined;
  /** For the manifest of the signature. */
  readonly created?: Date | undefined;
}

const concurrency = 8;

/**
 * Pushes a catalog: the shards, the root by its digest, the signature, and the tag last, so that
 * nothing incomplete or unsigned is found under it. Returns the signature, if there is one. Rejects
 * as the target and the signer do; the tag is unchanged then.
 */
export async function pushCatalog(
  target: Target,
  { reference, shards, root, signer, signatureFormat: format = 'bundle', created }: CatalogPush,
  options: CallOptions = {},
): Promise<Attached | undefined> {
  await forEachOf(shards, concurrency, (shard) => pushArtifact(target, shard, undefined, undefined, options));
  const { descriptor } = root;
  await target.push(descriptor, root.bytes, options);
  const signature =
    signer && (await attachSignature(target, { descriptor, reference, signer, format, created }, options));
  if (reference.tag !== undefined) await target.tag(descriptor, reference.tag, options);
  return signature;
}
