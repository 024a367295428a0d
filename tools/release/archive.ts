import { join } from 'node:path';
import { writeLayer } from './image/layer.ts';
import type { Architecture, Release, TreeFile } from './release.ts';

/**
 * Builds the archive of the program for one architecture, and returns its path. It has one
 * directory, whose content belongs below a prefix such as /usr/local.
 */
export async function buildArchive(
  release: Release,
  architecture: Architecture,
  files: readonly TreeFile[],
): Promise<string> {
  const directory = `fairlead-${release.version}-linux-${architecture}`;
  const file = join(release.directory, `fairlead-linux-${architecture}.tar.gz`);
  const entries = files.map((entry) => ({ ...entry, path: `${directory}/${entry.path}` }));
  await writeLayer(entries, release.epoch, file);
  return file;
}
