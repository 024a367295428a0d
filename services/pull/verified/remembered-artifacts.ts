import { LRUCache } from 'lru-cache';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { VerifiedArtifact } from './verified-profile.ts';

/**
 * Most bytes of artifacts that are remembered: clients request a manifest, and then its blobs, and
 * pages show the profiles.
 */
const rememberedBytes = 64 * 1024 * 1024;
const objectBytes = 8 * 1024;
/** How often the size of an artifact's bytes it takes, with the parsed profile. */
const parsedFactor = 4;

type RepositoryName = Pick<Reference, 'registry' | 'repository'>;

/** A remembered artifact, and the names of its blobs. */
interface Entry {
  readonly artifact: VerifiedArtifact;
  readonly blobNames: readonly string[];
}

/** The artifacts that were verified lately, by digest and by their blobs. */
export class RememberedArtifacts {
  /** The name of an artifact that has a blob, by the name of the blob. */
  readonly #holders = new Map<string, string>();
  readonly #artifacts = new LRUCache<string, Entry>({
    maxSize: rememberedBytes,
    sizeCalculation: ({ artifact }) => sizeOf(artifact),
    dispose: ({ blobNames }, name) => {
      for (const blob of blobNames) if (this.#holders.get(blob) === name) this.#holders.delete(blob);
    },
  });

  /** Returns an artifact that was verified under a revision of the policy. */
  recall(revision: string, reference: PinnedReference): VerifiedArtifact | undefined {
    return this.#artifacts.get(nameOf(revision, reference, reference.digest))?.artifact;
  }

  /** Returns an artifact of a repository that has a blob. */
  withBlob(revision: string, repository: RepositoryName, blob: Digest): VerifiedArtifact | undefined {
    const holder = this.#holders.get(nameOf(revision, repository, blob));
    return holder === undefined ? undefined : this.#artifacts.get(holder)?.artifact;
  }

  remember(reference: PinnedReference, artifact: VerifiedArtifact): void {
    const { revision } = artifact;
    const { blobs } = artifact.artifact;
    const name = nameOf(revision, reference, reference.digest);
    const blobNames = blobs.map(({ descriptor }) => nameOf(revision, reference, descriptor.digest));
    this.#artifacts.set(name, { artifact, blobNames });
    if (!this.#artifacts.has(name)) return; // larger than everything that is remembered
    for (const blob of blobNames) this.#holders.set(blob, name);
  }
}

function sizeOf({ artifact: { manifestBytes, blobs } }: VerifiedArtifact): number {
  const bytes = blobs.reduce((sum, blob) => sum + blob.bytes.length, 0);
  return objectBytes + manifestBytes.length + parsedFactor * bytes;
}

function nameOf(revision: string, repository: RepositoryName, digest: Digest): string {
  return [revision, repositoryName(formatRepository(repository)), digest].join(' ');
}
