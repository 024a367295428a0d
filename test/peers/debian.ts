import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Run } from './step.ts';

/** The keys of the Debian archive. */
export const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * What packages start by themselves on a host with systemd, and tests do not want: an open registry
 * on port 5000, for example.
 */
const startedUnits: Readonly<Record<string, readonly string[]>> = {
  'docker-registry': ['docker-registry.service'],
  containerd: ['containerd.service'],
  podman: ['podman.socket', 'podman.service', 'podman-restart.service', 'podman-auto-update.timer'],
};

/** The release that the host is, like `bookworm`; undefined where the host is not Debian. */
export function hostRelease(): string | undefined {
  let text: string;
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    return undefined;
  }
  return /^ID=debian$/m.test(text) ? /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] : undefined;
}

/** Those of `packages` that dpkg does not have installed. */
export function missingPackages(packages: readonly string[]): string[] {
  const status = readFileSync('/var/lib/dpkg/status', 'utf8');
  const installed = new Set<string>();
  for (const stanza of status.split('\n\n')) {
    if (/^Status: install ok installed$/m.test(stanza)) {
      const name = /^Package: (\S+)$/m.exec(stanza)?.[1];
      if (name !== undefined) installed.add(name);
    }
  }
  return packages.filter((name) => !installed.has(name));
}

/**
 * Installs packages of the host's own release. Never removes one (Docker's containerd.io conflicts
 * with Debian's containerd, for example), and stops what a package started by itself.
 */
export async function aptInstall(packages: readonly string[], run: Run): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): Promise<void> =>
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', '--no-remove', ...packages], { env });
  try {
    await install();
  } catch {
    await run('apt-get', ['update', '-q'], { env });
    await install();
  }
  const started = packages.flatMap((name) => startedUnits[name] ?? []);
  if (started.length > 0 && readdirSync('/run').includes('systemd') && readdirSync('/run/systemd').includes('system')) {
    await run('systemctl', ['disable', '--now', ...started]);
  }
}

/**
 * The address of the Debian mirror that the host's apt uses, from deb822 or one-line source files.
 */
export function hostMirror(release: string, folder = '/etc/apt'): string {
  for (const file of sourceFiles(folder)) {
    const text = readFileSync(file, 'utf8');
    const found = file.endsWith('.sources') ? mirrorOfStanzas(text, release) : mirrorOfLines(text, release);
    if (found !== undefined) return found;
  }
  throw new Error(`no Debian mirror for ${release} in ${folder}/sources.list and ${folder}/sources.list.d`);
}

function sourceFiles(folder: string): string[] {
  const parts = path.join(folder, 'sources.list.d');
  const list = (dir: string): string[] => {
    try {
      return readdirSync(dir);
    } catch {
      return [];
    }
  };
  return [
    ...list(parts)
      .filter((name) => name.endsWith('.sources') || name.endsWith('.list'))
      .map((name) => path.join(parts, name)),
    ...list(folder)
      .filter((name) => name === 'sources.list')
      .map((name) => path.join(folder, name)),
  ];
}

function mirrorOfStanzas(text: string, release: string): string | undefined {
  for (const stanza of text.split(/\n\s*\n/)) {
    const suites = /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    const uri = /^URIs:\s*(\S+)/m.exec(stanza)?.[1];
    if (uri !== undefined && suites.includes(release)) return uri;
  }
  return undefined;
}

function mirrorOfLines(text: string, release: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, uri, suite] = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
    if (uri !== undefined && suite === release) return uri;
  }
  return undefined;
}

/**
 * Another suite of Debian, read beside the host's own: packages are downloaded and unpacked, never
 * installed.
 */
export interface Suite {
  /**
   * Downloads the packages alone, or with everything that they depend on, and unpacks them into
   * `folder`.
   */
  unpack(packages: readonly string[], folder: string, options?: { withDependencies: boolean }): Promise<void>;
  /** Downloads the source of a package and unpacks it as `folder`. */
  unpackSource(sourcePackage: string, folder: string): Promise<void>;
  /** The packages that a package depends on. */
  dependsOn(packageName: string): string[];
}

/**
 * Reads the package lists of a suite of the Debian archive into `folder`. Signatures are checked;
 * dates are not, for the release file of a snapshot or of a slow mirror may be past its own.
 */
export async function openSuite(
  { suite, mirror, source = false }: { suite: string; mirror: string; source?: boolean },
  folder: string,
  run: Run,
): Promise<Suite> {
  for (const name of ['lists/partial', 'cache/archives/partial', 'parts']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  const types = source ? ['deb', 'deb-src'] : ['deb'];
  const lines = types.map((type) => `${type} [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  writeFileSync(path.join(folder, 'sources.list'), lines.join(''));
  writeFileSync(path.join(folder, 'status'), '');
  const settings = {
    'Dir::State::Lists': path.join(folder, 'lists'),
    'Dir::State::status': path.join(folder, 'status'),
    'Dir::Cache': path.join(folder, 'cache'),
    'Dir::Etc::sourcelist': path.join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': path.join(folder, 'parts'),
    'Acquire::Check-Valid-Until': 'false',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await run('apt-get', [...options, 'update', '-q']);

  return {
    async unpack(packages, target, { withDependencies } = { withDependencies: false }) {
      const archives = path.join(folder, 'cache/archives');
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
      const download = path.join(folder, 'source');
      mkdirSync(download);
      await run('apt-get', [...options, 'source', '-q', '--download-only', sourcePackage], { cwd: download });
      const description = readdirSync(download).find((name) => name.endsWith('.dsc'));
      if (description === undefined) throw new Error(`the source package ${sourcePackage} has no .dsc file`);
      await run('dpkg-source', ['-x', description, target], { cwd: download });
      await run('rm', ['-r', download]);
    },
    dependsOn(packageName) {
      const text = execFileSync('apt-cache', [...options, 'show', packageName], { encoding: 'utf8' });
      const depends = /^Depends: (.*)$/m.exec(text)?.[1] ?? '';
      return depends.split(/[,|]/).flatMap((entry) => entry.trim().split(/[\s(]/)[0] ?? []);
    },
  };
}
