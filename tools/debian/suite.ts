import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Run } from './step.ts';

/** The keys of the Debian archive. */
export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A suite of one archive: `trixie` of Debian's, `trixie-security` of Debian's security archive. */
export interface Archive {
  readonly mirror: string;
  readonly suite: string;
}

/** Where a package is, and what it must be, as the signed lists of its archive state it. */
export interface ListedPackage {
  readonly uri: string;
  readonly version: string;
  readonly sha256: string;
}

/**
 * Another suite of Debian, read beside the host's own: packages are downloaded and unpacked, never
 * installed.
 */
export interface Suite {
  /**
   * Downloads the packages alone, or with everything that they depend on, and unpacks them into
   * `directory`.
   */
  unpack(packages: readonly string[], directory: string, options?: { withDependencies: boolean }): Promise<void>;
  /** Downloads the source of a package and unpacks it as `directory`. */
  unpackSource(sourcePackage: string, directory: string): Promise<void>;
  /** Returns the newest version of a package in the lists. */
  find(packageName: string): ListedPackage;
  /** The packages that a package depends on. */
  dependsOn(packageName: string): string[];
}

/** What {@link openSuite} reads. */
export interface SuiteOptions {
  readonly archives: readonly Archive[];
  /** Also reads the lists of source packages. */
  readonly source?: boolean;
  /** By default that of the host. */
  readonly architecture?: string;
  /**
   * Refuses lists that have expired, which a mirror could serve to withhold newer ones. By default
   * they are accepted: those of a snapshot or of a slow mirror may be past their date.
   */
  readonly checkDates?: boolean;
}

/**
 * Reads the package lists of Debian archives into `directory`. Signatures are checked. Rejects if
 * one of the archives is unreachable.
 */
export async function openSuite(
  { archives, source = false, architecture, checkDates = false }: SuiteOptions,
  directory: string,
  run: Run,
): Promise<Suite> {
  for (const name of ['lists/partial', 'cache/archives/partial', 'parts']) {
    mkdirSync(path.join(directory, name), { recursive: true });
  }
  const types = source ? ['deb', 'deb-src'] : ['deb'];
  const lines = archives.flatMap(({ mirror, suite }) =>
    types.map((type) => `${type} [signed-by=${keyring}] ${mirror} ${suite} main\n`),
  );
  writeFileSync(path.join(directory, 'sources.list'), lines.join(''));
  writeFileSync(path.join(directory, 'status'), '');
  const settings = {
    'Dir::State::Lists': path.join(directory, 'lists'),
    'Dir::State::status': path.join(directory, 'status'),
    'Dir::Cache': path.join(directory, 'cache'),
    'Dir::Etc::sourcelist': path.join(directory, 'sources.list'),
    'Dir::Etc::sourceparts': path.join(directory, 'parts'),
    // By default apt-get warns of an archive that it cannot reach, and goes on without it.
    'APT::Update::Error-Mode': 'any',
    'Acquire::Check-Valid-Until': String(checkDates),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
    ...(architecture === undefined ? {} : { 'APT::Architecture': architecture, 'APT::Architectures': architecture }),
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await run('apt-get', [...options, 'update', '-q']);
  const read = (program: string, ...args: string[]): string =>
    execFileSync(program, [...options, ...args], { encoding: 'utf8' });

  return {
    async unpack(packages, target, { withDependencies } = { withDependencies: false }) {
      const archives = path.join(directory, 'cache/archives');
      if (withDependencies) {
        await run('apt-get', [
          ...options,
          'install',
          '-y',
          '-q',
          '--download-only',
          '--no-install-recommends',
          ...packages,
        ]);
      } else {
        await run('apt-get', [...options, 'download', '-q', ...packages], { cwd: archives });
      }
      mkdirSync(target, { recursive: true });
      for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
        await run('dpkg-deb', ['-x', path.join(archives, name), target]);
        await run('rm', [path.join(archives, name)]);
      }
    },
    async unpackSource(sourcePackage, target) {
      const download = path.join(directory, 'source');
      mkdirSync(download);
      await run('apt-get', [...options, 'source', '-q', '--download-only', sourcePackage], { cwd: download });
      const description = readdirSync(download).find((name) => name.endsWith('.dsc'));
      if (description === undefined) throw new Error(`the source package ${sourcePackage} has no .dsc file`);
      await run('dpkg-source', ['-x', description, target], { cwd: download });
      await run('rm', ['-r', download]);
    },
    find(packageName) {
      const uris = read('apt-get', 'download', '--print-uris', packageName);
      const [, uri, sha256] = /^'([^']+)' .* SHA256:([0-9a-f]{64})$/m.exec(uris) ?? [];
      const version = /^Version: (\S+)$/m.exec(read('apt-cache', 'show', '--no-all-versions', packageName))?.[1];
      if (uri === undefined || sha256 === undefined || version === undefined) {
        const suites = archives.map(({ suite }) => suite).join(', ');
        throw new Error(`no package ${packageName} with a SHA-256 in ${suites}`);
      }
      return { uri, version, sha256 };
    },
    dependsOn(packageName) {
      const text = read('apt-cache', 'show', packageName);
      const depends = /^Depends: (.*)$/m.exec(text)?.[1] ?? '';
      return depends.split(/[,|]/).flatMap((entry) => entry.trim().split(/[\s(]/)[0] ?? []);
    },
  };
}
