import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runCommand } from './command.ts';
import { isConfiguration } from './package-files.ts';
import { debScripts } from './package-scripts.ts';
import { packageVersion } from './package-version.ts';
import { zshFunction } from './program-files.ts';
import type { Architecture, Release, TreeFile } from './release.ts';
import { directoriesOf, stageTree } from './staged-tree.ts';

const architectures: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };
const documentation = 'usr/share/doc/fairlead';

const metadata = (name: string): string =>
  readFileSync(new URL(`../../deploy/packages/${name}`, import.meta.url), 'utf8');

/**
 * Builds the package for dpkg, and returns its path. The same files at the same commit make the
 * same bytes.
 */
export async function buildDeb(
  release: Release,
  architecture: Architecture,
  files: readonly TreeFile[],
): Promise<string> {
  const version = packageVersion(release.version);
  const content = [...files.map(debianPlace), ...debianFiles(version, release.epoch)].toSorted((a, b) =>
    a.path < b.path ? -1 : 1,
  );
  const staged = join(release.work, `deb-${architecture}`);
  await rm(staged, { recursive: true, force: true });
  const control = await controlFiles({ version, architecture: architectures[architecture] }, content);
  await stageTree(staged, [...content, ...control], release.epoch);
  const file = join(release.directory, `fairlead_${version}_${architectures[architecture]}.deb`);
  // Debian 11 does not read zstd. A higher level takes a minute to save a quarter.
  await runCommand('dpkg-deb', ['--root-owner-group', '-Zxz', '-z0', '--build', staged, file], {
    env: { SOURCE_DATE_EPOCH: String(release.epoch) },
  });
  await rm(staged, { recursive: true });
  return file;
}

/** Returns the content of a file; undefined of a link. */
async function bytesOf(file: TreeFile): Promise<Uint8Array | undefined> {
  if ('target' in file) return undefined;
  return typeof file.source === 'string' ? await readFile(file.source) : file.source;
}

/** Returns a file where Debian has it. */
function debianPlace(file: TreeFile): TreeFile {
  return file.path === `usr/${zshFunction}` ? { ...file, path: 'usr/share/zsh/vendor-completions/_fairlead' } : file;
}

/** Returns what only packages of Debian contain. */
function debianFiles(version: string, epoch: number): TreeFile[] {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const maintainer = /^Maintainer: (.*)$/m.exec(metadata('control'))?.[1] ?? '';
  const changelog = [
    `fairlead (${version}) unstable; urgency=medium`,
    `  * See /${documentation}/CHANGELOG.md.`,
    ` -- ${maintainer}  ${date}\n`,
  ].join('\n\n');
  return [
    { path: `${documentation}/copyright`, mode: 0o644, source: Buffer.from(metadata('copyright')) },
    { path: `${documentation}/changelog.gz`, mode: 0o644, source: gzipSync(changelog, { level: 9 }) },
  ];
}

interface Field {
  readonly version: string;
  readonly architecture: string;
}

async function controlFiles({ version, architecture }: Field, content: readonly TreeFile[]): Promise<TreeFile[]> {
  let kibibytes = directoriesOf(content).length;
  const sums: string[] = [];
  for (const file of content) {
    const bytes = await bytesOf(file);
    kibibytes += bytes === undefined ? 1 : Math.ceil(bytes.length / 1024);
    // dpkg records the sums of configuration files itself.
    if (bytes !== undefined && !isConfiguration(file))
      sums.push(`${createHash('md5').update(bytes).digest('hex')}  ${file.path}\n`);
  }
  const fields = [
    'Package: fairlead',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Installed-Size: ${kibibytes}`,
    metadata('control'),
  ];
  const configuration = content.filter(isConfiguration).map(({ path }) => `/${path}\n`);
  const part = (name: string, text: string, mode = 0o644): TreeFile => ({
    path: `DEBIAN/${name}`,
    mode,
    source: Buffer.from(text),
  });
  return [
    part('control', fields.join('\n')),
    part('md5sums', sums.join('')),
    part('conffiles', configuration.join('')),
    ...Object.entries(debScripts()).map(([name, text]) => part(name, text, 0o755)),
  ];
}
