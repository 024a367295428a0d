import { basename } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { RepositoryName } from '#lib/trust/policy/authorize';
import type { HeldSignature } from '#lib/trust/signature/signature';

/** A verification of an artifact by this service under its policy. */
export interface Verified {
  /** The first signer, without the directory of a key. */
  readonly signer: string;
  readonly time: Date;
}

const remembered = 20_000;

/** The last verification of each artifact, under a revision of the policy each. */
export class Verifications {
  readonly #verified = new LRUCache<string, Verified>({ max: remembered });

  /** Returns the last verification of an artifact of a repository under a revision. */
  of(revision: string, repository: RepositoryName, digest: Digest): Verified | undefined {
    return this.#verified.get(nameOf(revision, repository, digest));
  }

  /** Notes what was pulled, and returns when it was verified: before, if it was in the memory. */
  note(revision: string, reference: PinnedReference, { cached, verification }: PulledProfile): Verified {
    const name = nameOf(revision, reference, reference.digest);
    const before = cached ? this.#verified.get(name) : undefined;
    const verified = before ?? { signer: signerOf(verification.signatures), time: new Date() };
    this.#verified.set(name, verified);
    return verified;
  }
}

/** A registry in another spelling is the same one. */
function nameOf(revision: string, repository: RepositoryName, digest: Digest): string {
  return [revision, repositoryName(formatRepository(repository)), digest].join(' ');
}

function signerOf([first]: readonly HeldSignature[]): string {
  if (first === undefined) return 'no signature required';
  return first.key === undefined ? first.certificate.identity : `key ${basename(first.key)}`;
}
