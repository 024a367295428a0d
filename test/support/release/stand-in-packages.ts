import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeb } from '../../../tools/release/deb.ts';
import { packageFiles } from '../../../tools/release/package-files.ts';
import { belongingFiles } from '../../../tools/release/program-files.ts';
import type { Architecture, Release, TreeFile } from '../../../tools/release/release.ts';
import { buildRpm } from '../../../tools/release/rpm.ts';

/** What a package of a test contains. */
export interface StandIn {
  /** Where packages are built. */
  readonly directory: string;
  readonly version: string;
  /** The program: a script, since compressing the real one takes long. */
  readonly program: string;
  readonly architecture?: Architecture;
  /** Changes the files. */
  readonly files?: (files: readonly TreeFile[]) => readonly TreeFile[];
}

/** Builds the packages of a program for dpkg and rpm, and returns their paths. */
export async function buildPackages({
  directory,
  version,
  program,
  architecture = process.arch as Architecture,
  files = (all) => all,
}: StandIn): Promise<{ readonly deb: string; readonly rpm: string }> {
  const work = join(directory, 'work');
  mkdirSync(work, { recursive: true });
  const executable = join(directory, 'fairlead');
  writeFileSync(executable, program, { mode: 0o755 });
  const release: Release = { version, commit: 'c'.repeat(40), epoch: 1_700_000_000, directory, work };
  const content = files(packageFiles(executable, await belongingFiles(release)));
  return {
    deb: await buildDeb(release, architecture, content),
    rpm: await buildRpm(release, architecture, content),
  };
}
