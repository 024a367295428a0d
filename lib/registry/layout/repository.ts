import { createReadStream } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { contentBytes, openContent } from '../content.ts';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { type Digest, digestParts, isDigest } from '../digest.ts';
import { type Links, linksOf, ofArtifactType, referrerDescriptor } from '../graph.ts';
import { isManifestMediaType, manifestBytesLimit } from '../manifest.ts';
import { isTag } from '../reference.ts';
import type { Repository } from '../target.ts';
import { verifiedStream } from '../verified-stream.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { openIndexFile } from './index-file.ts';
import { repositoryFolder } from './repository-folder.ts';
import { writeFileWhole } from './write-file.ts';

/** Annotation of an index entry that holds its tag (image-spec, image-layout.md). */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

/**
 * One repository of a folder that holds many, each an OCI image layout (see {@link
 * repositoryFolder}). Every manifest is listed in index.json, tagged or not, so that referrers are
 * found. Files appear whole or not at all; processes may write at the same time.
 */
export function layoutRepository(folder: string, name: string): Repository {
  const root = repositoryFolder(folder, name);
  const index = openIndexFile(root);
  /** Links of manifests by digest: content never changes, so they are read once. */
  const links = new Map<Digest, Links>();

  const blobPath = (digest: Digest): string => {
    const { algorithm, hex } = digestParts(digest);
    return join(root, 'blobs', algorithm, hex);
  };

  const sizeOf = async (digest: Digest): Promise<number | undefined> => {
    try {
      return (await stat(blobPath(digest))).size;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return undefined;
      throw fileError(blobPath(digest), error);
    }
  };

  const notFound = (what: string): FairleadError =>
    new FairleadError('NotFound', `${root}: no ${what}`, {
      hint: `Check ${root}, the repository and the tag or digest.`,
    });

  /**
   * Links of a listed manifest; undefined where its file is gone, or is not a manifest: then it
   * refers to nothing.
   */
  const readLinks = async (descriptor: Descriptor): Promise<Links | undefined> => {
    const known = links.get(descriptor.digest);
    if (known !== undefined) return known;
    if (!isManifestMediaType(descriptor.mediaType) || descriptor.size > manifestBytesLimit) return undefined;
    try {
      const bytes = await contentBytes(descriptor, await readFile(blobPath(descriptor.digest)), root);
      const read = linksOf(descriptor.mediaType, bytes, blobPath(descriptor.digest));
      links.set(descriptor.digest, read);
      return read;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      if (error instanceof FairleadError && error.kind === 'InvalidInput') return undefined;
      throw fileError(blobPath(descriptor.digest), error);
    }
  };

  const hasContent = async (descriptor: Descriptor): Promise<boolean> =>
    (await sizeOf(descriptor.digest)) === descriptor.size;

  return {
    async resolve(tagOrDigest) {
      const listed = await index.read();
      const entry = isDigest(tagOrDigest)
        ? listed.find(({ digest }) => digest === tagOrDigest)
        : listed.find(({ annotations }) => annotations?.[tagAnnotation] === tagOrDigest);
      if (entry !== undefined) return { mediaType: entry.mediaType, digest: entry.digest, size: entry.size };
      const unlisted = isDigest(tagOrDigest) ? await unlistedManifest(blobPath(tagOrDigest), tagOrDigest) : undefined;
      if (unlisted === undefined) throw notFound(`manifest ${tagOrDigest}`);
      return unlisted;
    },

    async fetch(descriptor, options = {}) {
      const path = blobPath(descriptor.digest);
      const file = await open(path, 'r').catch((error: unknown) => {
        throw fileErrorCode(error) === 'ENOENT' ? notFound(`content ${descriptor.digest}`) : fileError(path, error);
      });
      return verifiedStream(untilAborted(createReadStream('', { fd: file }), options.signal), descriptor, root);
    },

    async referrers(subject, options = {}) {
      const found = new Map<Digest, Descriptor>();
      for (const descriptor of await index.read()) {
        const read = await readLinks(descriptor);
        if (read?.subject?.digest === subject.digest)
          found.set(descriptor.digest, referrerDescriptor(descriptor, read));
      }
      return ofArtifactType([...found.values()], options.artifactType);
    },

    async exists(descriptor) {
      if (!(await hasContent(descriptor))) return false;
      if (!isManifestMediaType(descriptor.mediaType)) return true;
      return (await index.read()).some(({ digest }) => digest === descriptor.digest);
    },

    async push(descriptor, content, options = {}) {
      options.signal?.throwIfAborted();
      const path = blobPath(descriptor.digest);
      if (!isManifestMediaType(descriptor.mediaType)) {
        if (await hasContent(descriptor)) return;
        await writeFileWhole(root, path, await openContent(descriptor, content, root));
        return;
      }
      const bytes = await contentBytes(descriptor, content, root);
      const read = linksOf(descriptor.mediaType, bytes, `${root}: ${descriptor.digest}`);
      do {
        if (!(await hasContent(descriptor))) await writeFileWhole(root, path, bytes);
        links.set(descriptor.digest, read);
        await index.change((manifests) =>
          manifests.some(({ digest }) => digest === descriptor.digest)
            ? undefined
            : [...manifests, indexEntry(descriptor, read.artifactType)],
        );
        // Another may have deleted it before it was listed.
      } while (!(await hasContent(descriptor)));
    },

    async tag(descriptor, tag, options = {}) {
      options.signal?.throwIfAborted();
      if (!isTag(tag))
        throw new FairleadError('InvalidInput', `${root}: ${JSON.stringify(tag.slice(0, 160))} is no tag`);
      if (!(await hasContent(descriptor))) throw notFound(`content ${descriptor.digest}`);
      const artifactType = (await readLinks(descriptor))?.artifactType;
      await index.change((manifests) => retag(manifests, indexEntry(descriptor, artifactType), tag));
    },

    async *tags() {
      const tags = (await index.read()).map(({ annotations }) => annotations?.[tagAnnotation]);
      yield* tags.filter((tag) => tag !== undefined && isTag(tag)).sort() as string[];
    },

    async untag(tag) {
      let found = false;
      await index.change((manifests) => {
        const left = untagged(manifests, tag);
        found = left !== undefined;
        return left;
      });
      if (!found) throw notFound(`tag ${tag}`);
    },

    async delete(descriptor) {
      if ((await sizeOf(descriptor.digest)) === undefined) throw notFound(`content ${descriptor.digest}`);
      const path = blobPath(descriptor.digest);
      const removeFile = () =>
        rm(path, { force: true }).catch((error: unknown) => {
          throw fileError(path, error);
        });
      // The list first, and both before anybody lists it again: what is listed is always there.
      if (isManifestMediaType(descriptor.mediaType)) {
        await index.change((manifests) => manifests.filter(({ digest }) => digest !== descriptor.digest), removeFile);
      } else await removeFile();
      links.delete(descriptor.digest);
    },
  };
}

/** Ends a stream with the signal's own reason, which a stream given the signal would not. */
async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source) {
    signal?.throwIfAborted();
    yield piece;
  }
}

function indexEntry(descriptor: Descriptor, artifactType: string | undefined): Descriptor {
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }) };
}

/** Moves a tag to a manifest. What had it before stays listed, untagged. */
function retag(manifests: readonly Descriptor[], entry: Descriptor, tag: string): readonly Descriptor[] {
  const others = untagged(manifests, tag) ?? manifests;
  const kept = others.filter(
    ({ digest, annotations }) => digest !== entry.digest || annotations?.[tagAnnotation] !== undefined,
  );
  return [...kept, { ...entry, annotations: { [tagAnnotation]: tag } }];
}

/**
 * Takes a tag away; its manifest stays listed, if need be without any. undefined where no manifest
 * has the tag.
 */
function untagged(manifests: readonly Descriptor[], tag: string): readonly Descriptor[] | undefined {
  const had = manifests.filter(({ annotations }) => annotations?.[tagAnnotation] === tag);
  if (had.length === 0) return undefined;
  const kept = manifests.filter((entry) => !had.includes(entry));
  const orphans = new Map(had.map((entry) => [entry.digest, indexEntry(entry, entry.artifactType)]));
  for (const { digest } of kept) orphans.delete(digest);
  return [...kept, ...orphans.values()];
}

/**
 * A manifest that index.json does not list, such as one platform's of an index that another tool
 * wrote; undefined where it is none.
 */
async function unlistedManifest(path: string, digest: Digest): Promise<Descriptor | undefined> {
  try {
    const { size } = await stat(path);
    if (size > manifestBytesLimit) return undefined;
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json !== 'object' || json === null) return undefined;
    const form = 'manifests' in json ? mediaTypes.index : 'layers' in json ? mediaTypes.manifest : undefined;
    const own = 'mediaType' in json ? json.mediaType : form;
    return typeof own === 'string' && isManifestMediaType(own) ? { mediaType: own, digest, size } : undefined;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw fileError(path, error);
  }
}
