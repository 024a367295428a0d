import { createReadStream } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { contentBytes, openContent } from '../content.ts';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { type Digest, digestParts, isDigest } from '../digest.ts';
import { type Links, linksOf, ofArtifactType, referrerDescriptor } from '../graph.ts';
import { isManifestMediaType, manifestBytesLimit } from '../manifest.ts';
import { isTag } from '../reference.ts';
import type { CallOptions, Collector, Content, ReferrerOptions, Repository } from '../target.ts';
import { verifiedStream } from '../verified-stream.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { IndexFile } from './index-file.ts';
import { repositoryDirectory } from './repository-directory.ts';
import { writeFileWhole } from './write-file.ts';

/** Annotation with the tag of an index entry (image-spec, image-layout.md). */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

/**
 * Opens one repository of a directory that holds many, each an OCI image layout (see {@link
 * repositoryDirectory}). Every manifest is listed in index.json, tagged or not, so that referrers
 * are found. Files appear whole or not at all; processes may write at the same time. Throws
 * InvalidInput for a name that is not a repository.
 */
export function layoutRepository(directory: string, name: string): Repository & Collector {
  return layoutAt(repositoryDirectory(directory, name));
}

/** Opens the OCI image layout in a directory, whichever tool wrote it. */
export function layoutAt(root: string): Repository & Collector {
  return new LayoutRepository(root);
}

class LayoutRepository implements Repository, Collector {
  readonly #root: string;
  readonly #index: IndexFile;
  /** Links of manifests by digest: content never changes, so they are read once. */
  readonly #links = new Map<Digest, Links>();

  constructor(root: string) {
    this.#root = root;
    this.#index = new IndexFile(root);
  }

  async resolve(tagOrDigest: string): Promise<Descriptor> {
    const listed = await this.#index.read();
    const entry = isDigest(tagOrDigest)
      ? listed.find(({ digest }) => digest === tagOrDigest)
      : listed.find(({ annotations }) => annotations?.[tagAnnotation] === tagOrDigest);
    if (entry !== undefined) return { mediaType: entry.mediaType, digest: entry.digest, size: entry.size };
    const unlisted = isDigest(tagOrDigest)
      ? await unlistedManifest(this.#blobPath(tagOrDigest), tagOrDigest)
      : undefined;
    if (unlisted === undefined) throw this.#notFound(`${isDigest(tagOrDigest) ? 'manifest' : 'tag'} ${tagOrDigest}`);
    return unlisted;
  }

  async fetch(descriptor: Descriptor, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const path = this.#blobPath(descriptor.digest);
    const file = await open(path, 'r').catch((error: unknown) => {
      throw fileErrorCode(error) === 'ENOENT' ? this.#notFound(`content ${descriptor.digest}`) : fileError(path, error);
    });
    return verifiedStream(untilAborted(createReadStream('', { fd: file }), options.signal), descriptor, this.#root);
  }

  async referrers(subject: Descriptor, options: ReferrerOptions = {}): Promise<Descriptor[]> {
    const found = new Map<Digest, Descriptor>();
    for (const descriptor of await this.#index.read()) {
      const read = await this.#readLinks(descriptor);
      if (read?.subject?.digest === subject.digest) found.set(descriptor.digest, referrerDescriptor(descriptor, read));
    }
    return ofArtifactType([...found.values()], options.artifactType);
  }

  async exists(descriptor: Descriptor): Promise<boolean> {
    if (!(await this.#hasContent(descriptor))) return false;
    if (!isManifestMediaType(descriptor.mediaType)) return true;
    return (await this.#index.read()).some(({ digest }) => digest === descriptor.digest);
  }

  async push(descriptor: Descriptor, content: Content, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (isManifestMediaType(descriptor.mediaType)) return this.#pushManifest(descriptor, content);
    if (await this.#hasContent(descriptor)) return;
    const stream = await openContent(descriptor, content, this.#root);
    await writeFileWhole(this.#root, this.#blobPath(descriptor.digest), stream);
  }

  async tag(descriptor: Descriptor, tag: string, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    if (!isTag(tag)) throw new FairleadError('InvalidInput', `${this.#root}: invalid tag ${quote(tag, 160)}`);
    if (!(await this.#hasContent(descriptor))) throw this.#notFound(`content ${descriptor.digest}`);
    const artifactType = (await this.#readLinks(descriptor))?.artifactType;
    await this.#index.change((manifests) => retag(manifests, indexEntry(descriptor, artifactType), tag));
  }

  async *tags(): AsyncGenerator<string, void, undefined> {
    const tags = (await this.#index.read()).map(({ annotations }) => annotations?.[tagAnnotation]);
    yield* tags.filter((tag) => tag !== undefined && isTag(tag)).sort() as string[];
  }

  async untag(tag: string): Promise<void> {
    let found = false;
    await this.#index.change((manifests) => {
      const left = untagged(manifests, tag);
      found = left !== undefined;
      return left;
    });
    if (!found) throw this.#notFound(`tag ${tag}`);
  }

  async delete(descriptor: Descriptor): Promise<void> {
    const { digest, mediaType } = descriptor;
    if ((await this.#sizeOf(digest)) === undefined) throw this.#notFound(`content ${digest}`);
    const path = this.#blobPath(digest);
    const removeFile = () =>
      rm(path, { force: true }).catch((error: unknown) => {
        throw fileError(path, error);
      });
    // The entry first, and both before anyone lists it again: what is listed is always there.
    if (isManifestMediaType(mediaType))
      await this.#index.change((manifests) => manifests.filter((entry) => entry.digest !== digest), removeFile);
    else await removeFile();
    this.#links.delete(digest);
  }

  async collect(blobs: readonly Descriptor[]): Promise<number> {
    let removed = 0;
    await this.#index.change(
      () => undefined,
      async () => {
        const used = await this.#reachable();
        for (const { digest } of blobs) {
          if (used.has(digest) || (await this.#sizeOf(digest)) === undefined) continue;
          const path = this.#blobPath(digest);
          await rm(path, { force: true }).catch((error: unknown) => {
            throw fileError(path, error);
          });
          this.#links.delete(digest);
          removed++;
        }
      },
    );
    return removed;
  }

  /** Returns the digests of all content that the index lists, and of its parts at any level. */
  async #reachable(): Promise<Set<Digest>> {
    const found = new Set<Digest>();
    const waiting: Descriptor[] = [...(await this.#index.read())];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (found.has(next.digest)) continue;
      found.add(next.digest);
      waiting.push(...((await this.#readLinks(next))?.children ?? []));
    }
    return found;
  }

  async #pushManifest(descriptor: Descriptor, content: Content): Promise<void> {
    const path = this.#blobPath(descriptor.digest);
    const bytes = await contentBytes(descriptor, content, this.#root);
    const read = linksOf(descriptor.mediaType, bytes, `${this.#root}: ${descriptor.digest}`);
    let added = false;
    do {
      if (!(await this.#hasContent(descriptor))) await writeFileWhole(this.#root, path, bytes);
      this.#links.set(descriptor.digest, read);
      await this.#index.change((manifests) => {
        if (manifests.some(({ digest }) => digest === descriptor.digest)) return undefined;
        added = true;
        return [...manifests, indexEntry(descriptor, read.artifactType)];
      });
      // Another process may have deleted it before it was listed.
    } while (!(await this.#hasContent(descriptor)));
    if (added) await this.#requireParts(descriptor, read);
  }

  /**
   * Throws Conflict, and removes a manifest again, if one of its blobs is missing: another process
   * may have removed it when nothing referred to it.
   */
  async #requireParts(descriptor: Descriptor, { children }: Links): Promise<void> {
    for (const { digest } of children) {
      if ((await this.#sizeOf(digest)) !== undefined) continue;
      await this.delete(descriptor);
      throw new FairleadError('Conflict', `${this.#root}: ${digest} was removed while its manifest was pushed`, {
        hint: 'Another process deletes from this directory. Try again.',
      });
    }
  }

  #blobPath(digest: Digest): string {
    const { algorithm, hex } = digestParts(digest);
    return join(this.#root, 'blobs', algorithm, hex);
  }

  async #sizeOf(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.#blobPath(digest))).size;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT' || fileErrorCode(error) === 'ENOTDIR') return undefined;
      throw fileError(this.#blobPath(digest), error);
    }
  }

  async #hasContent({ digest, size }: Descriptor): Promise<boolean> {
    return (await this.#sizeOf(digest)) === size;
  }

  /**
   * Reads the links of a listed manifest; returns undefined if its file is missing or is not a
   * manifest: it then refers to nothing.
   */
  async #readLinks(descriptor: Descriptor): Promise<Links | undefined> {
    const known = this.#links.get(descriptor.digest);
    if (known !== undefined) return known;
    if (!isManifestMediaType(descriptor.mediaType) || descriptor.size > manifestBytesLimit) return undefined;
    const path = this.#blobPath(descriptor.digest);
    try {
      const bytes = await contentBytes(descriptor, await readFile(path), this.#root);
      const read = linksOf(descriptor.mediaType, bytes, path);
      this.#links.set(descriptor.digest, read);
      return read;
    } catch (error) {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      if (error instanceof FairleadError && error.kind === 'InvalidInput') return undefined;
      throw fileError(path, error);
    }
  }

  #notFound(what: string): FairleadError {
    return new FairleadError('NotFound', `${this.#root}: no ${what}`, {
      hint: `Check ${this.#root}, the repository and the tag or digest.`,
    });
  }
}

/**
 * Ends a stream with the signal's reason, which a stream that is given the signal would not report.
 */
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

/** Moves a tag to a manifest. The manifest that had it stays listed, without the tag. */
function retag(manifests: readonly Descriptor[], entry: Descriptor, tag: string): readonly Descriptor[] {
  const others = untagged(manifests, tag) ?? manifests;
  const kept = others.filter(
    ({ digest, annotations }) => digest !== entry.digest || annotations?.[tagAnnotation] !== undefined,
  );
  return [...kept, { ...entry, annotations: { [tagAnnotation]: tag } }];
}

/**
 * Removes a tag; its manifest stays listed, if necessary without a tag. Returns undefined if no
 * manifest has the tag.
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
 * Reads the descriptor of a manifest that index.json does not list, such as that of one platform in
 * an index that another tool wrote; returns undefined if it is not a manifest.
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
