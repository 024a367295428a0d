import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Digest, digestOf, digestParts } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import type { Store } from './store.ts';
import type { StoredArtifact } from './stored-artifact.ts';

/** An artifact of the store, as CRI lists it. */
export interface HeldArtifact {
  /** The sha256 digest of its manifest. */
  readonly digest: Digest;
  readonly kind: RuntimeKind;
  /** Bytes of the manifest. */
  readonly size: number;
  /** Every reference by which it was pulled. */
  readonly references: readonly string[];
  /** The digests under which it is stored: one for each algorithm by which it was pulled. */
  readonly records: readonly Digest[];
}

/** Returns the artifacts of a store, each manifest once. */
export async function heldArtifacts(store: Pick<Store, 'list' | 'fetcher'>): Promise<HeldArtifact[]> {
  const held = new Map<Digest, HeldArtifact>();
  for (const record of await store.list()) {
    const { descriptor, kind } = record;
    const digest = await sha256Of(record, store);
    const { references = [], records = [] } = held.get(digest) ?? {};
    held.set(digest, {
      ...{ digest, kind, size: descriptor.size },
      references: [...references, ...referencesOf(record)],
      records: [...records, descriptor.digest],
    });
  }
  return [...held.values()];
}

function referencesOf({ descriptor, pulls }: StoredArtifact): readonly string[] {
  // Records of older releases have no names.
  return pulls.flatMap(({ repository, names }) =>
    (names.length === 0 ? [repository] : names).map((name) => `${name}@${descriptor.digest}`),
  );
}

/** Returns the digest under which it is stored if its manifest cannot be read. */
async function sha256Of({ descriptor }: StoredArtifact, { fetcher }: Pick<Store, 'fetcher'>): Promise<Digest> {
  if (digestParts(descriptor.digest).algorithm === 'sha256') return descriptor.digest;
  try {
    return digestOf(await fetchBytes(fetcher, descriptor, { limit: descriptor.size }));
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return descriptor.digest;
    throw error;
  }
}
