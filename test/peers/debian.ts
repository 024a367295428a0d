import { readdirSync, readFileSync } from 'node:fs';
import type { Run } from '../../tools/debian/step.ts';

/**
 * What packages start by themselves on a host with systemd, and tests do not want: an open registry
 * on port 5000, for example.
 */
const startedUnits: Readonly<Record<string, readonly string[]>> = {
  'docker-registry': ['docker-registry.service'],
  containerd: ['containerd.service'],
  podman: ['podman.socket', 'podman.service', 'podman-restart.service', 'podman-auto-update.timer'],
};

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
