import type { BuildInformation } from './version.ts';

/** The program, what it runs on, and how to verify it. */
export interface BuildDescription extends BuildInformation {
  /** Version of Node. */
  readonly node: string;
  /** Such as `linux/x64`. */
  readonly platform: string;
  /** What to do to verify that this program is what was published. */
  readonly verification: string;
}

const names: Readonly<Record<BuildInformation['distribution'], string>> = {
  executable: 'self-contained executable',
  npm: 'npm package',
  source: 'checkout of the sources',
};

/** A program cannot vouch for itself: another one has to verify what was downloaded. */
const verifications: Readonly<Record<BuildInformation['distribution'], string>> = {
  executable:
    'what you downloaded, with cosign verify-blob --bundle SHA256SUMS.sigstore.json … SHA256SUMS and sha256sum --check SHA256SUMS',
  npm: 'npm audit signatures; a package from a file, with SHA256SUMS of its release',
  source: 'git status, and git verify-commit or git verify-tag',
};

/** Returns what a person wants to know of a program that they have. */
export function describeBuild(
  build: BuildInformation,
  { version: node, platform, arch }: Pick<NodeJS.Process, 'version' | 'platform' | 'arch'>,
): BuildDescription {
  return { ...build, node, platform: `${platform}/${arch}`, verification: verifications[build.distribution] };
}

/** Returns the description as lines of text. */
export function renderBuild({ version, commit, distribution, node, platform, verification }: BuildDescription): string {
  const rows = [
    ['fairlead', version],
    ['commit', commit],
    ['build', names[distribution]],
    ['Node', node],
    ['platform', platform],
    ['to verify', verification],
  ] as const;
  return rows
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(11)}${value}`)
    .join('\n');
}
