import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleLibrary, bundleProgram } from '../bundle.ts';
import { licenses } from '../licenses.ts';
import { buildArchive } from './archive.ts';
import { buildChart } from './chart.ts';
import { buildDeb } from './deb.ts';
import { buildExecutable, executableAssets } from './executable.ts';
import { buildImage } from './image.ts';
import { nodeRuntime } from './node-runtime.ts';
import { buildNpmPackage } from './npm-package.ts';
import { packageFiles } from './package-files.ts';
import { archiveFiles, belongingFiles, below, licenseFiles } from './program-files.ts';
import { type Architecture, architectures, type Release } from './release.ts';
import { buildRpm } from './rpm.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Builds the files of a release that are the same for everybody who builds this commit: archives,
 * packages, image, chart and npm package. Returns the directories of the npm packages that they
 * contain. Rejects with the output of the program of the build that failed.
 *
 * @param report is called with a line for each step
 */
export async function buildRelease(release: Release, report: (step: string) => void): Promise<readonly string[]> {
  report('bundle');
  const bundle = await bundleProgram({ distribution: 'executable', commit: release.commit });
  const runtimes = { x64: await nodeRuntime('x64', release), arm64: await nodeRuntime('arm64', release) };
  const licensesOfNode = readFileSync(runtimes.x64.license, 'utf8');
  const others = licenseFiles(`Node.js: MIT\n\n${licensesOfNode}\n${'-'.repeat(80)}\n\n${licenses(bundle.packages)}`);
  const belonging = [...(await belongingFiles(release)), ...others];
  const programs: Partial<Record<Architecture, string>> = {};
  for (const architecture of architectures) {
    report(`executable for ${architecture}`);
    const work = join(release.work, `executable-${architecture}`);
    const { program: node } = runtimes[architecture];
    const assets = await executableAssets(bundle, work, architecture === process.arch ? node : undefined);
    programs[architecture] = await buildExecutable(architecture, { node, assets, work });
  }
  const { x64, arm64 } = programs as Record<Architecture, string>;
  for (const [architecture, program] of [
    ['x64', x64],
    ['arm64', arm64],
  ] as const) {
    report(`archive and packages for ${architecture}`);
    await Promise.all([
      buildArchive(release, architecture, archiveFiles(program, belonging)),
      buildDeb(release, architecture, packageFiles(program, belonging)),
    ]);
    await buildRpm(release, architecture, packageFiles(program, belonging));
  }
  report('image');
  await buildImage(release, { programs: { x64, arm64 }, files: below('usr', others) });
  report('chart');
  await buildChart(release);
  report('npm package');
  await buildNpmPackage(release, root);
  return [...new Set([...bundle.packages, ...(await bundleLibrary()).packages])].sort();
}
