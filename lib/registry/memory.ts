import { FairleadError } from '#lib/errors';
import { openContent } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import { type Digest, isDigest } from './digest.ts';
import { linksOf, ofArtifactType, referrerDescriptor } from './graph.ts';
import { isManifestMediaType } from './manifest.ts';
import type { Content, Repository } from './target.ts';

/**
 * Returns a repository in memory: for tests, and to assemble content before it is sent. `name`
 * identifies it in errors.
 */
export function memoryRepository(name = 'memory'): Repository {
  const contents = new Map<Digest, { descriptor: Descriptor; bytes: Uint8Array }>();
  const tags = new Map<string, Descriptor>();
  const referrers = new Map<Digest, Map<Digest, Descriptor>>();

  const find = (descriptor: Descriptor): { descriptor: Descriptor; bytes: Uint8Array } => {
    const found = contents.get(descriptor.digest);
    if (found === undefined) throw new FairleadError('NotFound', `${name}: no content ${descriptor.digest}`);
    return found;
  };

  return {
    async resolve(tagOrDigest) {
      const found = isDigest(tagOrDigest) ? contents.get(tagOrDigest)?.descriptor : tags.get(tagOrDigest);
      if (found !== undefined && isManifestMediaType(found.mediaType)) return found;
      throw new FairleadError('NotFound', `${name}: no ${isDigest(tagOrDigest) ? 'manifest' : 'tag'} ${tagOrDigest}`);
    },
    async fetch(descriptor) {
      return openContent(descriptor, find(descriptor).bytes, name);
    },
    async referrers(subject, options = {}) {
      return ofArtifactType([...(referrers.get(subject.digest)?.values() ?? [])], options.artifactType);
    },
    async exists(descriptor) {
      return contents.has(descriptor.digest);
    },
    async push(descriptor: Descriptor, content: Content) {
      if (contents.has(descriptor.digest)) return;
      const pieces: Uint8Array[] = [];
      for await (const piece of await openContent(descriptor, content, name)) pieces.push(piece.slice());
      const bytes = Buffer.concat(pieces);
      const links = linksOf(descriptor.mediaType, bytes, `${name}: ${descriptor.digest}`);
      const { mediaType, digest, size } = descriptor;
      contents.set(digest, { descriptor: { mediaType, digest, size }, bytes });
      if (links.subject === undefined) return;
      const listed = referrers.get(links.subject.digest) ?? new Map<Digest, Descriptor>();
      referrers.set(links.subject.digest, listed.set(digest, referrerDescriptor(descriptor, links)));
    },
    async tag(descriptor, tag) {
      tags.set(tag, find(descriptor).descriptor);
    },
    async *tags() {
      yield* [...tags.keys()].sort();
    },
    async untag(tag) {
      if (!tags.delete(tag)) throw new FairleadError('NotFound', `${name}: no tag ${tag}`);
    },
    async delete(descriptor) {
      const { digest } = find(descriptor).descriptor;
      contents.delete(digest);
      for (const [tag, tagged] of tags) if (tagged.digest === digest) tags.delete(tag);
      for (const listed of referrers.values()) listed.delete(digest);
    },
  };
}
