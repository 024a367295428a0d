import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { saveArchive } from '#lib/registry/layout/archive';
import { IndexFile } from '#lib/registry/layout/index-file';
import { layoutRepository } from '#lib/registry/layout/repository';
import { repositoryDirectory } from '#lib/registry/layout/repository-directory';
import type { Repository } from '#lib/registry/target';
import type { Release } from './release.ts';

/** An OCI layout that becomes an archive with one entry. */
export interface ArchiveLayout {
  readonly repository: Repository;
  /**
   * Writes the archive with an entry as its only one, since tools do not know which of several to
   * take. Returns its path.
   */
  save(entry: Descriptor): Promise<string>;
}

/** Returns an empty layout for a file of a release. */
export function archiveLayout({ work, directory }: Release, name: string): ArchiveLayout {
  const layouts = join(work, `layout-${name}`);
  const repository = 'archive';
  return {
    repository: layoutRepository(layouts, repository),
    async save(entry) {
      await new IndexFile(repositoryDirectory(layouts, repository)).change(() => [entry]);
      const file = join(directory, `${name}.tar`);
      await saveArchive(layouts, repository, createWriteStream(file));
      return file;
    },
  };
}

/** Pushes a JSON document, and returns its descriptor. */
export async function pushJson(repository: Repository, mediaType: string, value: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await repository.push(descriptor, bytes);
  return descriptor;
}
