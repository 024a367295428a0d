import { createHash } from 'node:crypto';
import type { CatalogEntry, CatalogProfile, CatalogSigner } from '#lib/catalog/entry';
import { mediaTypes } from '#lib/registry/descriptor';
import { parseDigest } from '#lib/registry/digest';

/** The key and the workflow that have signed the profiles. */
export const releaseKey: CatalogSigner = { key: '5b66667d0e71a345'.repeat(4) };
export const workflow: CatalogSigner = {
  issuer: 'https://token.actions.githubusercontent.com',
  identity: 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1.27',
};

/** Returns a profile of a catalog, as its repository and one version state it. */
export function catalogProfile(
  repository: string,
  version: string,
  entry: Partial<CatalogEntry> & { allowed?: number; asked?: number },
  registry = 'registry.example.com',
): CatalogProfile {
  const { allowed = 100, asked = 0, ...given } = entry;
  const digest = parseDigest(
    `sha256:${createHash('sha256').update(`${registry}/${repository}:${version}`).digest('hex')}`,
  );
  const newest: CatalogEntry = {
    registry,
    repository,
    descriptor: { mediaType: mediaTypes.manifest, digest, size: 500 },
    kind: 'Seccomp',
    tags: [version],
    architectures: ['amd64', 'arm64'],
    images: [],
    signers: [releaseKey],
    created: '2026-11-03T12:00:00Z',
    annotations: {},
    ...((given.kind ?? 'Seccomp') === 'Seccomp' && { calls: { allowed, baseline: 352, asked } }),
    ...given,
  };
  return { registry, repository, name: repository.replace(/^.*\//, ''), versions: [newest] };
}

const machines = ['amd64', 'arm64', 'arm', '386'];

/** Profiles of a small site. */
export const someProfiles: readonly CatalogProfile[] = [
  catalogProfile('security/apparmor-nginx', '1.27', {
    kind: 'AppArmor',
    architectures: [],
    images: ['nginx'],
    created: '2026-11-26T09:00:00Z',
    summary:
      'Reads /etc and /usr/share, writes its cache, its logs and /tmp, executes nginx and what is in /bin. TCP and UDP, no raw sockets.',
  }),
  catalogProfile('security/audit', '1.2', {
    allowed: 352,
    architectures: machines,
    summary:
      'Logs every system call; denies only loading modules, kexec, swap, reboot and bpf. For finding out what a program needs.',
  }),
  catalogProfile('base/base-crun', '1.8', {
    allowed: 38,
    architectures: machines,
    summary: 'What crun itself calls between loading the filter and starting the program. Not for use alone.',
  }),
  catalogProfile(
    'acme/profiles/coredns',
    '1.11.4',
    {
      allowed: 94,
      images: ['coredns/coredns'],
      signers: [workflow],
      summary: 'UDP and TCP sockets, files read-only in practice, Go’s threads and timers. No exec after start.',
    },
    'ghcr.io',
  ),
  catalogProfile('security/deny-chmod', '1.0', {
    allowed: 349,
    architectures: machines,
    summary: 'Takes only the chmod family away from RuntimeDefault; it fails with EPERM.',
  }),
  catalogProfile('security/nginx', '1.27', {
    allowed: 236,
    asked: 4,
    architectures: machines.slice(0, 3),
    images: ['nginx'],
    created: '2026-11-26T09:00:00Z',
    summary:
      'Allow-list for nginx and small tools. Refuses to change file modes; calls that are not listed look missing to the program.',
  }),
  catalogProfile(
    'dev/node-recorded',
    'pr-418',
    {
      allowed: 143,
      architectures: ['amd64'],
      images: ['node'],
      signers: [],
      summary: 'Recorded from the test suite of a Node.js service, united with base-runc.',
    },
    'localhost:5000',
  ),
  catalogProfile(
    'acme/profiles/postgres',
    '17.2',
    {
      allowed: 168,
      images: ['postgres', 'bitnami/postgresql'],
      signers: [workflow],
      summary: 'Files, System V shared memory and semaphores, fsync, sockets. No ptrace, no mounts, no kernel keys.',
    },
    'ghcr.io',
  ),
];

const roots = [
  'nginx',
  'redis',
  'postgres',
  'node',
  'python',
  'haproxy',
  'coredns',
  'envoy',
  'kafka',
  'vault',
  'alpine',
  '9p',
];
const parts = ['', '-canary', '-docs', '-edge', '-exporter', '-gateway', '-internal', '-static', '-unprivileged'];

/** Returns many profiles with names of all kinds. */
export function manyProfiles(count: number): CatalogProfile[] {
  return Array.from({ length: count }, (_, index) => {
    const root = `${roots[index % roots.length]}`;
    const name = `${root}${parts[index % parts.length]}-${index}`;
    return catalogProfile(
      `team-${index % 97}/${name}`,
      `${index % 7}.${index % 10}`,
      {
        allowed: 40 + ((index * 7) % 300),
        asked: index % 11 === 0 ? index % 5 : 0,
        images: [root, `library/${root}-${index % 3000}`],
        signers:
          index % 47 === 0
            ? []
            : [
                index % 3 === 0
                  ? releaseKey
                  : {
                      ...workflow,
                      identity: `https://github.com/team-${index % 411}/profiles/.github/workflows/a.yml@v1`,
                    },
              ],
        created: new Date(Date.UTC(2026, index % 11, (index % 28) + 1)).toISOString(),
        summary: 'Sockets, epoll, files; changes its user once at start. No exec.',
      },
      `registry-${index % 14}.example.com`,
    );
  });
}
