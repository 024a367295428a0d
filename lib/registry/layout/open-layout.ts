import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { digestParts, isDigest } from '../digest.ts';
import { fetchBytes } from '../fetch-bytes.ts';
import { type Links, linksOf, ofArtifactType, referrerDescriptor } from '../graph.ts';
import { manifestBytesLimit } from '../manifest.ts';
import type { Reference } from '../reference.ts';
import { isReservedTag } from '../reserved-tag.ts';
import type { ReadTarget } from '../target.ts';
import { fileError } from './file-error.ts';
import { IndexFile } from './index-file.ts';
import { namesOf } from './layout-names.ts';
import { layoutAt } from './repository.ts';

/** An artifact of a layout, with its names. */
export interface LayoutRoot {
  readonly descriptor: Descriptor;
  readonly tags: readonly string[];
  /** Its names with registry and repository, where they are known. */
  readonly references: readonly Reference[];
}

/** A layout as a source: its artifacts, and a repository that also has what is attached to them. */
export interface OpenedLayout {
  readonly roots: readonly LayoutRoot[];
  readonly repository: ReadTarget;
}

/** What `cosign save` says about the entries of its layouts, in an annotation named `kind`. */
const cosignKind = /^dev\.cosignproject\.cosign\/(?:image|imageIndex|(?<suffix>sig|att)s)$/;

/**
 * Opens a layout that any tool may have written. Its artifacts are the manifests that were added to
 * it by themselves, but not those that refer to another one there, such as a signature, or that an
 * index there lists. In a layout of `cosign save`, the signatures of its image are found where they
 * are in a registry. Nothing is written. Rejects as the layout does, and with InvalidInput for
 * signatures without an image.
 */
export async function openLayout(root: string): Promise<OpenedLayout> {
  const entries = await new IndexFile(root).read();
  const repository = layoutAt(root);
  if (!entries.some((entry) => kindOf(entry) !== null)) {
    return { roots: await rootsOf(repository, entries), repository };
  }
  const images = entries.filter((entry) => suffixOf(entry) === undefined);
  const attached = entries.filter((entry) => suffixOf(entry) !== undefined);
  const [image, second] = images;
  if (attached.length > 0 && (image === undefined || second !== undefined)) {
    const count = images.length === 0 ? 'no image' : `${images.length} images`;
    throw new FairleadError('InvalidInput', `${root}: has signatures of cosign save beside ${count}: want one`, {
      hint: 'Save each image to a directory of its own with cosign save.',
    });
  }
  const byTag = new Map<string, Descriptor>();
  for (const entry of attached) {
    const { algorithm, hex } = digestParts((image as Descriptor).digest);
    const { mediaType, digest, size } = entry;
    byTag.set(`${algorithm}-${hex}.${suffixOf(entry)}`, { mediaType, digest, size });
  }
  const unlisted = await unlistedReferrers(root, entries);
  return {
    roots: await rootsOf(repository, images),
    repository: {
      fetch: (descriptor, options) => repository.fetch(descriptor, options),
      resolve: async (tagOrDigest, options) => byTag.get(tagOrDigest) ?? repository.resolve(tagOrDigest, options),
      async referrers(subject, options = {}) {
        const own = unlisted
          .filter(({ links }) => links.subject?.digest === subject.digest)
          .map(({ descriptor, links }) => referrerDescriptor(descriptor, links));
        return [...(await repository.referrers(subject, options)), ...ofArtifactType(own, options.artifactType)];
      },
    },
  };
}

function kindOf({ annotations }: Descriptor): RegExpExecArray | null {
  return cosignKind.exec(annotations?.['kind'] ?? '');
}

/** Returns the suffix of the tag of signatures or attestations; undefined for an image. */
function suffixOf(entry: Descriptor): string | undefined {
  return kindOf(entry)?.groups?.['suffix'];
}

async function rootsOf(repository: ReadTarget, entries: readonly Descriptor[]): Promise<LayoutRoot[]> {
  const found = new Map<string, { descriptor: Descriptor; tags: string[]; references: Reference[] }>();
  for (const entry of entries) {
    const { mediaType, digest, size } = entry;
    const root = found.get(digest) ?? { descriptor: { mediaType, digest, size }, tags: [], references: [] };
    found.set(digest, root);
    const { tag, reference } = namesOf(entry);
    if (tag !== undefined && !root.tags.includes(tag)) root.tags.push(tag);
    if (reference !== undefined) root.references.push(reference);
  }
  const parts = new Set<string>();
  const referring = new Set<string>();
  for (const { descriptor } of found.values()) {
    const bytes = await fetchBytes(repository, descriptor, { limit: manifestBytesLimit });
    const { children, subject } = linksOf(descriptor.mediaType, bytes, descriptor.digest);
    for (const { digest } of children) parts.add(digest);
    if (subject !== undefined && found.has(subject.digest)) referring.add(descriptor.digest);
  }
  return [...found.values()].filter(({ descriptor: { digest }, tags, references }) => {
    if (tags.length > 0) return !tags.every(isReservedTag);
    return references.length > 0 || !(parts.has(digest) || referring.has(digest));
  });
}

/**
 * Finds the manifests with a subject that are in a layout and not in its index.json: `cosign save`
 * of cosign 3 writes bundles so.
 */
async function unlistedReferrers(
  root: string,
  entries: readonly Descriptor[],
): Promise<{ readonly descriptor: Descriptor; readonly links: Links }[]> {
  const listed = new Set<string>(entries.map(({ digest }) => digest));
  const found: { readonly descriptor: Descriptor; readonly links: Links }[] = [];
  const directory = join(root, 'blobs/sha256');
  try {
    for (const hex of (await readdir(directory)).sort()) {
      const digest = `sha256:${hex}`;
      if (!isDigest(digest) || listed.has(digest)) continue;
      const { size } = await stat(join(directory, hex));
      if (size > manifestBytesLimit) continue;
      const descriptor = { mediaType: mediaTypes.manifest, digest, size };
      const links = linksIfManifest(await readFile(join(directory, hex)), descriptor);
      if (links?.subject !== undefined) found.push({ descriptor, links });
    }
  } catch (error) {
    throw fileError(directory, error);
  }
  return found;
}

/** Reads the links of a blob if it is a manifest; a layer may be any bytes. */
function linksIfManifest(bytes: Uint8Array, { mediaType, digest }: Descriptor): Links | undefined {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return undefined;
  try {
    return linksOf(mediaType, bytes, digest);
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}
