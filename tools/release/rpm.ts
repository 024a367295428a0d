import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './command.ts';
import { isConfiguration } from './package-files.ts';
import { rpmScripts } from './package-scripts.ts';
import { packageVersion } from './package-version.ts';
import type { Architecture, Release, TreeFile } from './release.ts';
import { directoriesOf, stageTree } from './staged-tree.ts';

const architectures: Readonly<Record<Architecture, string>> = { x64: 'x86_64', arm64: 'aarch64' };
const spec = fileURLToPath(new URL('../../deploy/packages/fairlead.spec', import.meta.url));

/**
 * Builds the package for rpm, and returns its path. The same files at the same commit make the same
 * bytes, on any host with the same release of rpm.
 */
export async function buildRpm(
  release: Release,
  architecture: Architecture,
  files: readonly TreeFile[],
): Promise<string> {
  const version = packageVersion(release.version);
  const work = join(release.work, `rpm-${architecture}`);
  const at = (name: string): string => join(work, name);
  await rm(work, { recursive: true, force: true });
  await stageTree(at('staged'), files, release.epoch);
  await mkdir(at('scripts'));
  for (const [name, text] of Object.entries(rpmScripts())) await writeFile(join(at('scripts'), name), text);
  await writeFile(at('file-list'), [...directoriesOf(files).flatMap(directoryLine), ...files.map(fileLine)].join(''));
  const name = architectures[architecture];
  const defines = {
    _topdir: work,
    package_version: version,
    staged: at('staged'),
    scripts: at('scripts'),
    file_list: at('file-list'),
    ...reproducible,
    _build_name_fmt: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    _rpmdir: release.directory,
  };
  const args = Object.entries(defines).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  await runCommand('rpmbuild', ['-bb', '--quiet', '--target', `${name}-linux`, ...args, spec], {
    env: { SOURCE_DATE_EPOCH: String(release.epoch) },
  });
  await rm(work, { recursive: true });
  return join(release.directory, `fairlead-${version}-1.${name}.rpm`);
}

/** Settings of rpmbuild that make the package independent of the host, and its files unchanged. */
const reproducible: Readonly<Record<string, string>> = {
  _buildhost: 'localhost',
  // Debian and Ubuntu name themselves in the platform of a package.
  _vendor: 'unknown',
  use_source_date_epoch_as_buildtime: '1',
  clamp_mtime_to_source_date_epoch: '1',
  source_date_epoch_from_changelog: '0',
  // No stripping, which would destroy the executable, and no package with debug information.
  __os_install_post: '%{nil}',
  debug_package: '%{nil}',
  _build_id_links: 'none',
  // SHA-256, which hosts in FIPS mode require.
  _binary_filedigest_algorithm: '8',
  // Each number of threads above one makes the same bytes.
  _binary_payload: 'w9.zstdio',
  optflags: '%{nil}',
};

/** Returns the line of a directory in the list of the spec, if no other package may have it. */
function directoryLine(path: string): string[] {
  return /\/(?:fairlead|bash-completion|fish|zsh)(?:\/|$)/.test(path)
    ? [`%dir %attr(0755, root, root) "/${path}"\n`]
    : [];
}

/** Returns the line of a file or link in the list of the spec. */
function fileLine(file: TreeFile): string {
  const { path } = file;
  const kind = isConfiguration(file)
    ? '%config(noreplace) '
    : /\/(?:THIRD-PARTY-LICENSES|LICENSE)$/.test(path)
      ? '%license '
      : '';
  if ('target' in file) return `"/${path}"\n`;
  return `${kind}%attr(${file.mode.toString(8).padStart(4, '0')}, root, root) "/${path}"\n`;
}
