import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { headCommit } from '../../../tools/head-commit.ts';
import { buildArchive } from '../../../tools/release/archive.ts';
import { archiveFiles, belongingFiles } from '../../../tools/release/program-files.ts';
import type { Release } from '../../../tools/release/release.ts';
import { digestFiles, renderSums, sumsName } from '../../../tools/release/sums.ts';
import { ownArchitecture } from './program.ts';

/** Returns a release of this checkout, whose files go into a new directory. */
export function newRelease(directory: string): Release {
  mkdirSync(directory);
  const work = mkdtempSync(`${directory}-work-`);
  return { version: manifest.version, ...headCommit(import.meta.dirname), directory, work };
}

/**
 * Writes the archive of a program for this machine, and SHA256SUMS of all files that are there
 * then, as a release has them; returns the name of the archive.
 */
export async function writeProgramArchive(release: Release, program: string): Promise<string> {
  const files = archiveFiles(program, await belongingFiles(release));
  const file = await buildArchive(release, ownArchitecture, files);
  writeFileSync(join(release.directory, sumsName), renderSums(await digestFiles(release.directory)));
  return basename(file);
}
