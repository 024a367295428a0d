import { rmSync } from 'node:fs';
import path from 'node:path';

/**
 * The packages of Debian whose programs have a profile in examples/catalog, and what their tests
 * talk to them with.
 */
export const catalogPackages = [
  ...['nginx-light', 'apache2-bin', 'lighttpd', 'haproxy', 'caddy', 'busybox', 'squid'],
  ...['redis-server', 'memcached', 'postgresql-15', 'mariadb-server-core', 'mariadb-client-core'],
  ...['mosquitto', 'mosquitto-clients', 'dnsmasq-base', 'unbound', 'rsyslog', 'openssh-server', 'docker-registry'],
  ...['nodejs', 'python3', 'bash', 'coreutils', 'dash', 'findutils', 'grep', 'sed', 'util-linux'],
] as const;

export type CatalogPackage = (typeof catalogPackages)[number];

/** What the tests do not need of the dependencies: more than 300 MB. */
const unneeded = [
  ...['doc', 'man', 'locale', 'info', 'lintian', 'perl', 'perl5', 'i18n', 'squid-langpack'].map(
    (name) => `usr/share/${name}`,
  ),
  ...['perl', 'gconv', 'libLLVM-14.so.1', 'libz3.so.4'].map((name) => `usr/lib/x86_64-linux-gnu/${name}`),
  ...['locale', 'llvm-14', 'postgresql/15/lib/bitcode'].map((name) => `usr/lib/${name}`),
  ...['upgrade', 'check', 'dump', 'import', 'show', 'slap', 'binlog'].map((name) => `usr/bin/mariadb-${name}`),
];

/** Removes from the unpacked packages what no test needs. */
export function pruneCatalogRoot(root: string): void {
  for (const name of unneeded) rmSync(path.join(root, name), { recursive: true, force: true });
}
