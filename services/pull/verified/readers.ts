import type { IncomingHttpHeaders } from 'node:http';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Reference } from '#lib/registry/reference';

/** One who reads: what the credentials of a request admit to. */
export interface Reader {
  /**
   * Throws NotAllowed if the reader may not read profiles of this kind from a repository.
   */
  authorize(reference: Reference, kind?: RuntimeKind): void;
}

/** Who may read what. */
export interface Readers {
  /** Whether all callers may read what the policy allows, so that answers are public. */
  readonly areAnonymous: boolean;
  /** Returns who sent a request. Rejects with Unauthenticated if its credentials are not valid. */
  authenticate(headers: IncomingHttpHeaders): Promise<Reader>;
}

const anyone: Reader = { authorize: () => undefined };

/** All callers may read everything that the policy allows. */
export const anonymousReaders: Readers = { areAnonymous: true, authenticate: async () => anyone };
