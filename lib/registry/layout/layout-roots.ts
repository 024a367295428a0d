import type { Descriptor } from '../descriptor.ts';
import { fetchBytes } from '../fetch-bytes.ts';
import { linksOf } from '../graph.ts';
import { manifestBytesLimit } from '../manifest.ts';
import { IndexFile } from './index-file.ts';
import { layoutRepository, tagAnnotation } from './repository.ts';
import { repositoryDirectory } from './repository-directory.ts';

/**
 * A manifest that was added to a layout by itself, with its tags: it is not part of another
 * manifest there and refers to none.
 */
export interface LayoutRoot {
  readonly descriptor: Descriptor;
  readonly tags: readonly string[];
}

/**
 * Lists the roots of one repository of a layout directory, in the order of its index.json. A
 * manifest that refers to another one there, such as a signature, or that an index there lists, is
 * not a root. Rejects as the layout does.
 */
export async function layoutRoots(directory: string, name: string): Promise<LayoutRoot[]> {
  const repository = layoutRepository(directory, name);
  const found = new Map<string, { descriptor: Descriptor; tags: string[] }>();
  for (const { annotations, mediaType, digest, size } of await new IndexFile(
    repositoryDirectory(directory, name),
  ).read()) {
    const root = found.get(digest) ?? { descriptor: { mediaType, digest, size }, tags: [] };
    found.set(digest, root);
    const tag = annotations?.[tagAnnotation];
    if (tag !== undefined) root.tags.push(tag);
  }
  const parts = new Set<string>();
  const referring = new Set<string>();
  for (const { descriptor } of found.values()) {
    const bytes = await fetchBytes(repository, descriptor, { limit: manifestBytesLimit });
    const { children, subject } = linksOf(descriptor.mediaType, bytes, descriptor.digest);
    for (const { digest } of children) parts.add(digest);
    if (subject !== undefined && found.has(subject.digest)) referring.add(descriptor.digest);
  }
  return [...found.values()].filter(
    ({ descriptor: { digest }, tags }) => tags.length > 0 || !(parts.has(digest) || referring.has(digest)),
  );
}
