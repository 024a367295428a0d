import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { FairleadError } from '#lib/errors';
import { formatReference } from '#lib/registry/reference';
import { withProfile } from '../verified/pulled-document.ts';
import type { VerifiedProfile } from '../verified/verified-profile.ts';

/** Most bytes of answers that are remembered: of the profiles that are requested the most. */
const preparedBytes = 24 * 1024 * 1024;

/** The media types in which a profile is served; the first is the default. */
export const profileMediaTypes = ['application/json', 'application/octet-stream'] as const;
export type ProfileMediaType = (typeof profileMediaTypes)[number];

/** A representation of a profile. */
export interface PreparedAnswer {
  readonly etag: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Returns the representations of profiles; the most recently used ones are made once. */
export class PreparedAnswers {
  readonly #prepared = new LRUCache<string, PreparedAnswer>({
    maxSize: preparedBytes,
    sizeCalculation: ({ body }) => body.length + 1024,
  });

  /** Throws ProfileInvalid for a profile in the form of Docker and Podman. */
  of(profile: VerifiedProfile, mediaType: ProfileMediaType): PreparedAnswer {
    // Everything that the answer contains; the digest stands for the content.
    const description = JSON.stringify(describeVerified(profile));
    const name = `${mediaType} ${description}`;
    const known = this.#prepared.get(name);
    if (known !== undefined) return known;
    const prepared = prepare(profile, mediaType, description);
    this.#prepared.set(name, prepared);
    return prepared;
  }
}

/** Returns what a profile is, and why it may be used. */
export function describeVerified({ reference, descriptor, kind, verification }: VerifiedProfile): object {
  return { reference: formatReference(reference), digest: descriptor.digest, kind, verification };
}

/**
 * The entity tag of the bytes is the digest of the artifact. That of the document depends on the
 * verification as well.
 */
function prepare(profile: VerifiedProfile, mediaType: ProfileMediaType, description: string): PreparedAnswer {
  const content = contentOf(profile);
  const { descriptor } = profile;
  if (mediaType === 'application/octet-stream') {
    return { etag: `"${descriptor.digest}:content"`, contentType: mediaType, body: content };
  }
  const hash = createHash('sha256').update(description).digest('hex').slice(0, 16);
  return {
    etag: `"${descriptor.digest}:${hash}"`,
    contentType: 'application/json; charset=utf-8',
    body: Buffer.from(withProfile(JSON.parse(description), content)),
  };
}

/**
 * Returns the bytes of a profile. Throws ProfileInvalid for the form of Docker and Podman: runtimes
 * misread it, and the container that it is for is not known here.
 */
export function contentOf({ content: read, descriptor }: VerifiedProfile): Buffer {
  const content = read();
  if (content !== undefined) return content;
  const message = `${descriptor.digest} is in the form of Docker and Podman: what it permits depends on the container`;
  throw new FairleadError('ProfileInvalid', message, {
    hint: 'To write what a container gets of it, run: fairlead pull --capabilities LIST. The shim resolves it for each container.',
  });
}
