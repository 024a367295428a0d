import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bashCompletion } from '#cli/definitions/bash-completion';
import { fishCompletion } from '#cli/definitions/fish-completion';
import { zshCompletion } from '#cli/definitions/zsh-completion';
import { describeProgram } from '../describe-program.ts';
import { manPages } from './man-pages.ts';
import type { Release, TreeFile } from './release.ts';
import { systemdUnits } from './systemd-units.ts';

const root = join(import.meta.dirname, '../..');

/** The directory of the documentation below a prefix. */
const documentation = 'share/doc/fairlead';

/** Where zsh finds the completion on most distributions, below a prefix. */
export const zshFunction = 'share/zsh/site-functions/_fairlead';

/** Files of deploy/operator that its installation uses besides `fairlead operator manifests`. */
const operatorFiles: readonly string[] = [
  'apiserver/admission.yaml',
  'apiserver/kubeconfig.yaml',
  'certificate.sh',
  'match-conditions.json',
  'namespace-webhook.yaml',
  'network-policy.yaml',
];

/**
 * Returns the files of the archive: the program, its systemd units and what belongs to it, with
 * paths below the prefix /usr/local.
 *
 * @param executable the path of the program
 * @param belonging from `belongingFiles`, and licenses
 */
export function archiveFiles(executable: string, belonging: readonly TreeFile[]): TreeFile[] {
  return [
    { path: 'bin/fairlead', mode: 0o755, source: executable },
    pluginLink('bin'),
    ...unitFiles('lib/systemd/system', '/usr/local/bin/fairlead'),
    ...belonging,
  ];
}

/** Returns the link by which kubectl finds the program as its plugin, beside the program. */
export function pluginLink(directory: string): TreeFile {
  return { path: `${directory}/kubectl-fairlead`, target: 'fairlead' };
}

/**
 * Returns the systemd units as files.
 *
 * @param directory of the units
 * @param program the path of the installed program
 */
export function unitFiles(directory: string, program: string): TreeFile[] {
  return Object.entries(systemdUnits(program)).map(([name, text]) => write(`${directory}/${name}`, text));
}

/**
 * Returns what belongs to the program in archives and packages, with paths below a prefix: man
 * pages, completions, changes, examples of profiles and a policy, alert rules and a dashboard, and
 * files to install the operator.
 */
export async function belongingFiles({ version, epoch }: Pick<Release, 'version' | 'epoch'>): Promise<TreeFile[]> {
  const program = await describeProgram();
  return [
    ...exampleFiles().map((name) => copy(`${documentation}/examples/${name}`, `examples/${name}`)),
    copy(`${documentation}/examples/policy.yaml`, 'deploy/shim/policy.yaml'),
    ...['alerts.yaml', 'grafana-dashboard.json'].map((name) =>
      copy(`${documentation}/examples/monitoring/${name}`, `deploy/monitoring/${name}`),
    ),
    ...operatorFiles.map((name) => copy(`${documentation}/examples/operator/${name}`, `deploy/operator/${name}`)),
    copy(`${documentation}/CHANGELOG.md`, 'CHANGELOG.md'),
    // gzipSync writes neither a name nor a time.
    ...Object.entries(manPages(program, { version, epoch })).map(([name, text]) =>
      write(`share/man/man1/${name}.gz`, gzipSync(text, { level: 9 })),
    ),
    write('share/bash-completion/completions/fairlead', bashCompletion(program)),
    write(zshFunction, zshCompletion(program)),
    write('share/fish/vendor_completions.d/fairlead.fish', fishCompletion(program)),
  ];
}

/** Returns the examples of profiles, and the project that publishes a catalog of them. */
function exampleFiles(): readonly string[] {
  const catalog = readdirSync(join(root, 'examples/catalog')).sort();
  return ['nginx.json', 'apparmor-nginx.json', 'base-crun.json', 'base-runc.json'].concat(
    catalog.filter((name) => name !== 'README.md').map((name) => `catalog/${name}`),
  );
}

/**
 * Returns the license of the program and those of what it contains, with paths below a prefix.
 *
 * @param others the text of the latter
 */
export function licenseFiles(others: string): TreeFile[] {
  return [copy(`${documentation}/LICENSE`, 'LICENSE'), write(`${documentation}/THIRD-PARTY-LICENSES`, others)];
}

/** Returns files with paths below a prefix as files below the root. */
export function below(prefix: string, files: readonly TreeFile[]): TreeFile[] {
  return files.map((file) => ({ ...file, path: `${prefix}/${file.path}` }));
}

function copy(path: string, from: string): TreeFile {
  return { path, mode: 0o644, source: join(root, from) };
}

function write(path: string, text: string | Uint8Array): TreeFile {
  return { path, mode: 0o644, source: Buffer.from(text) };
}
