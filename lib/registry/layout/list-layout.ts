import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '../descriptor.ts';
import { formatReference, isRepository, parseReference } from '../reference.ts';
import { isReservedTag } from '../reserved-tag.ts';
import { readArchiveIndex } from './archive.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { IndexFile } from './index-file.ts';
import { namesOf } from './layout-names.ts';

/** Deepest directory that is searched: the name of a repository has no more components. */
const depthLimit = 128;

/**
 * Lists what a path of OCI layouts has: the repositories of a directory of many, with their
 * registries; or the names of the artifacts of one layout or archive, which any tool may have
 * written. An artifact is named by registry, repository and tag, or by its tag, or by its digest if
 * no artifact there has a name. Rejects with NotFound if there is no such path, and with
 * InvalidInput if it is something else.
 */
export async function listLayout(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    if (fileErrorCode(error) !== 'ENOENT') throw fileError(path, error);
    throw new FairleadError('NotFound', `${path}: no such file or directory`, {
      hint: 'Name an OCI layout directory, or an OCI archive.',
    });
  });
  if (!found.isDirectory()) return artifactNames(await readArchiveIndex(createReadStream(path), { origin: path }));
  if (await isLayout(path)) return artifactNames(await new IndexFile(path).read());
  return repositoriesBelow(path, [], 0);
}

function artifactNames(entries: readonly Descriptor[]): string[] {
  const names = new Set<string>();
  for (const entry of entries) {
    const { tag, reference } = namesOf(entry);
    if (tag !== undefined && isReservedTag(tag)) continue;
    const name = reference === undefined ? tag : formatReference(reference);
    if (name !== undefined) names.add(name);
  }
  return names.size > 0 ? [...names] : [...new Set(entries.map(({ digest }) => digest))];
}

async function isLayout(directory: string): Promise<boolean> {
  return stat(join(directory, 'index.json')).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Lists the repositories below a directory; `components` is its path from the common directory. */
async function repositoriesBelow(directory: string, components: readonly string[], depth: number): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(directory, error);
  });
  const found: string[] = [];
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    if (!entry.isDirectory() || entry.name === 'blobs' || depth > depthLimit) continue;
    const path = join(directory, entry.name);
    // The colon of a port is written as + (see repositoryDirectory).
    const below = [...components, entry.name.replaceAll('+', ':')];
    const name = below.join('/');
    if (isName(name) && (await isLayout(path))) found.push(name);
    found.push(...(await repositoriesBelow(path, below, depth + 1)));
  }
  return found;
}

function isName(text: string): boolean {
  if (isRepository(text)) return true;
  try {
    parseReference(text);
    return true;
  } catch {
    return false; // a directory of something else
  }
}
