/**
 * A room: one directory, without the directories in it, and what its files may import in addition
 * to each other. Unit tests (NAME.test.ts) belong to no room and may import anything.
 */
export interface Room {
  /**
   * Path from the root: a directory, a directory with all that is in it (`test/peers/**`), or a
   * file (`lib/errors.ts`). A file with a row of its own is no part of its directory's room.
   */
  readonly name: string;
  /** Names of rooms; `lib/profile/**` is the room and every room in it, but no index.ts. */
  readonly imports: readonly string[];
  /** Packages of npm. */
  readonly packages?: readonly string[] | 'any';
  /** Set for a room without I/O, clock and process. */
  readonly pure?: true;
}

const errors = 'lib/errors.ts';
const steps = 'lib/steps.ts';
/** Types that every kind of profile uses. Functions for any kind are next to them. */
const place = 'lib/profile/place.ts';
const profileTypes = ['change', 'constraint', 'finding', 'resource-name'].map((name) => `lib/profile/${name}.ts`);
const violation = 'lib/profile/violation.ts';
const model = 'lib/profile/seccomp/model.ts';
const tables = 'lib/profile/seccomp/tables';
const algebra = 'lib/profile/seccomp/algebra';
const libseccomp = 'lib/profile/seccomp/libseccomp';

/**
 * The rooms, from the ground up. A room may import only rooms before it in this list, so that the
 * table cannot allow a circle. Biome's restrictions (biome.rooms.json) are generated from it, and
 * `npm run check` compares the real import graph with it.
 */
export const rooms: readonly Room[] = [
  { name: errors, imports: [] },
  { name: steps, imports: [] },
  { name: 'lib/text', imports: [], packages: ['fastest-levenshtein'], pure: true },
  { name: 'lib/yaml', imports: [errors], packages: ['yaml'], pure: true },
  { name: 'lib/config', imports: [errors, 'lib/text', 'lib/yaml'], packages: ['valibot', 'yaml'], pure: true },
  { name: 'lib/concurrency', imports: [errors] },
  { name: 'lib/files', imports: [errors] },
  { name: 'lib/programs', imports: [] },
  {
    name: 'lib/network/hosts',
    imports: [errors, 'lib/text'],
    packages: ['smol-toml', 'valibot'],
  },
  {
    name: 'lib/network',
    imports: [errors, 'lib/network/hosts', 'lib/text'],
    packages: ['undici'],
  },
  { name: 'lib/http/connections', imports: [] },
  {
    name: 'lib/http',
    imports: [errors, 'lib/concurrency', 'lib/http/connections', 'lib/text'],
    packages: ['@fastify/swagger', 'fastify', 'fastify-plugin', 'prom-client'],
  },
  { name: 'lib/cri/gen', imports: [], packages: ['@bufbuild/protobuf'] },
  { name: 'lib/cri', imports: [errors, 'lib/cri/gen', 'lib/text'], packages: ['@bufbuild/protobuf'] },
  {
    name: 'lib/kube',
    imports: [errors, 'lib/concurrency', 'lib/text'],
    packages: ['@kubernetes/client-node', 'lru-cache', 'prom-client', 'valibot'],
  },

  { name: place, imports: [], pure: true },
  ...['lib/profile/change.ts', 'lib/profile/finding.ts'].map((name): Room => ({ name, imports: [place], pure: true })),
  ...['lib/profile/constraint.ts', 'lib/profile/resource-name.ts'].map(
    (name): Room => ({ name, imports: [], pure: true }),
  ),
  { name: violation, imports: [errors], pure: true },
  { name: 'lib/profile/json', imports: [errors, place, 'lib/text'], pure: true },
  {
    name: 'lib/profile/yaml',
    imports: [errors, 'lib/profile/json', 'lib/text', 'lib/yaml'],
    packages: ['yaml'],
    pure: true,
  },
  { name: model, imports: [], pure: true },
  { name: tables, imports: [errors, model], pure: true },
  { name: 'lib/profile/seccomp/tables/runtime-defaults', imports: [model, tables, 'lib/text'], pure: true },
  {
    name: algebra,
    imports: [model, tables, 'lib/profile/change.ts'],
    pure: true,
  },
  { name: libseccomp, imports: [model, tables, algebra, 'lib/profile/change.ts'], pure: true },
  {
    name: 'lib/profile/seccomp/read',
    imports: [errors, model, tables, algebra, libseccomp, 'lib/profile/json', violation, 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp/write',
    imports: [errors, model, tables, algebra, libseccomp, 'lib/profile/json', 'lib/profile/seccomp/read'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp/lint',
    imports: [model, tables, algebra, libseccomp, 'lib/profile/finding.ts', 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/profile/seccomp',
    imports: [
      ...[model, tables, algebra, libseccomp, 'lib/profile/change.ts', 'lib/profile/constraint.ts'],
      ...['lib/profile/seccomp/read', 'lib/profile/seccomp/tables/runtime-defaults', 'lib/profile/seccomp/write'],
    ],
    pure: true,
  },
  { name: 'lib/profile/apparmor/vocabulary.ts', imports: [], pure: true },
  { name: 'lib/profile/apparmor/glob', imports: ['lib/profile/apparmor/vocabulary.ts'], pure: true },
  {
    name: 'lib/profile/apparmor',
    imports: [
      ...[errors, 'lib/profile/apparmor/glob', 'lib/profile/apparmor/vocabulary.ts'],
      ...['lib/profile/change.ts', 'lib/profile/constraint.ts', 'lib/profile/finding.ts'],
      ...['lib/profile/resource-name.ts', violation],
      ...['lib/profile/json', 'lib/text'],
    ],
    pure: true,
  },
  {
    name: 'lib/profile/selinux',
    imports: [
      ...[errors, 'lib/profile/change.ts', 'lib/profile/constraint.ts', 'lib/profile/finding.ts'],
      ...['lib/profile/json', 'lib/text'],
    ],
    pure: true,
  },
  {
    name: 'lib/profile',
    imports: [
      ...[errors, place, ...profileTypes, violation, tables],
      ...['lib/profile/apparmor', 'lib/profile/json', 'lib/profile/seccomp', 'lib/profile/seccomp/lint'],
      ...[model, 'lib/profile/seccomp/read', 'lib/profile/seccomp/write', 'lib/profile/selinux', 'lib/profile/yaml'],
      'lib/text',
    ],
    pure: true,
  },

  {
    name: 'lib/profile/report',
    imports: [errors, 'lib/profile', place, 'lib/profile/change.ts', 'lib/profile/finding.ts', 'lib/profile/json'],
    pure: true,
  },

  {
    name: 'lib/registry',
    imports: [errors, 'lib/concurrency', 'lib/network', 'lib/network/hosts', 'lib/text'],
    packages: ['semver', 'valibot'],
  },
  {
    name: 'lib/registry/credentials',
    imports: [errors, steps, 'lib/files', 'lib/programs', 'lib/registry'],
    packages: ['valibot', 'yaml'],
  },
  {
    name: 'lib/registry/layout',
    imports: [errors, 'lib/files', 'lib/registry', 'lib/text'],
    packages: ['tar-stream', 'valibot'],
  },
  {
    name: 'lib/registry/remote',
    imports: [errors, 'lib/network', 'lib/network/hosts', 'lib/registry', 'lib/registry/credentials', 'lib/text'],
    packages: ['valibot'],
  },
  { name: 'lib/artifact', imports: [errors, 'lib/profile/**', 'lib/registry', 'lib/text'] },

  { name: 'lib/trust/keys', imports: [errors], packages: ['@noble/ciphers', 'valibot'] },
  {
    name: 'lib/trust/kms',
    imports: [errors, steps, 'lib/programs', 'lib/text', 'lib/trust/keys'],
    packages: ['valibot'],
  },
  {
    name: 'lib/trust/signature',
    imports: [errors, 'lib/artifact', 'lib/registry', 'lib/text'],
    packages: ['valibot'],
  },
  {
    name: 'lib/trust/signature/legacy',
    imports: [errors, 'lib/artifact', 'lib/registry', 'lib/trust/keys', 'lib/trust/signature', 'lib/text'],
    packages: ['@sigstore/bundle', 'valibot'],
  },
  {
    name: 'lib/trust/signature/read',
    imports: [
      ...[errors, 'lib/registry', 'lib/text', 'lib/trust/keys'],
      ...['lib/trust/signature', 'lib/trust/signature/legacy'],
    ],
    packages: ['@sigstore/bundle'],
  },
  {
    name: 'lib/trust/roots',
    imports: [errors, 'lib/trust/signature', 'lib/trust/signature/read'],
    packages: ['@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/verify', 'valibot'],
  },
  {
    name: 'lib/trust/sigstore',
    imports: [errors, 'lib/files', 'lib/network', 'lib/trust/signature'],
    packages: ['@sigstore/core', '@sigstore/protobuf-specs', '@sigstore/tuf', 'tuf-js', 'valibot'],
  },
  {
    name: 'lib/trust/policy',
    imports: [
      ...[
        errors,
        steps,
        'lib/config',
        'lib/files',
        'lib/profile',
        'lib/profile/constraint.ts',
        model,
        'lib/registry',
        'lib/registry/remote',
        'lib/text',
      ],
      ...['lib/trust/keys', 'lib/trust/roots', 'lib/trust/signature', 'lib/trust/sigstore'],
    ],
    packages: ['valibot', 'yaml'],
  },
  {
    name: 'lib/trust/verify/checks',
    imports: [
      ...[errors, 'lib/registry', 'lib/text'],
      ...['lib/trust/keys', 'lib/trust/policy', 'lib/trust/signature', 'lib/trust/signature/read'],
    ],
  },
  {
    name: 'lib/trust/verify/fetch',
    imports: [errors, 'lib/registry', 'lib/trust/signature', 'lib/trust/signature/legacy', 'lib/trust/signature/read'],
  },
  {
    name: 'lib/trust/verify',
    imports: [
      ...[errors, steps, 'lib/profile', 'lib/registry', 'lib/trust/policy', 'lib/trust/signature'],
      ...['lib/trust/signature/read', 'lib/trust/verify/checks', 'lib/trust/verify/fetch'],
    ],
    packages: ['@sigstore/bundle'],
  },
  {
    name: 'lib/trust/sign',
    imports: [
      ...[errors, 'lib/artifact', 'lib/concurrency', 'lib/network', 'lib/registry'],
      ...[
        'lib/trust/keys',
        'lib/trust/policy',
        'lib/trust/roots',
        'lib/trust/signature',
        'lib/trust/signature/legacy',
        'lib/trust/signature/read',
      ],
      ...['lib/trust/sigstore', 'lib/trust/verify'],
    ],
  },

  {
    name: 'lib/node/reference',
    imports: [errors, 'lib/profile/constraint.ts', 'lib/registry', 'lib/text'],
    pure: true,
  },
  {
    name: 'lib/node/store',
    imports: [errors, 'lib/artifact', 'lib/files', 'lib/profile', 'lib/registry', 'lib/trust/signature', 'lib/text'],
    packages: ['valibot'],
  },
  { name: 'lib/node/install', imports: [errors, 'lib/node/store', 'lib/profile'] },
  {
    name: 'lib/node/pull',
    imports: [
      ...[
        errors,
        'lib/artifact',
        'lib/concurrency',
        'lib/profile',
        'lib/profile/constraint.ts',
        'lib/registry',
        'lib/node/store',
      ],
      ...['lib/trust/policy', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['lru-cache'],
  },
  {
    name: 'lib/node/find',
    imports: [errors, 'lib/artifact', 'lib/node/pull', 'lib/profile', 'lib/registry', 'lib/text'],
  },

  { name: 'services', imports: ['lib/http', 'lib/trust/policy'] },
  { name: 'lib/profile/index.ts', imports: ['lib/profile/**'] },
  { name: 'lib/registry/index.ts', imports: [errors, 'lib/network', 'lib/programs', 'lib/registry/**'] },
  { name: 'lib/artifact/index.ts', imports: ['lib/artifact'] },
  { name: 'lib/trust/index.ts', imports: [errors, 'lib/network', 'lib/trust/**'] },
  { name: 'lib/node/index.ts', imports: ['lib/concurrency', 'lib/node/**'] },

  {
    name: 'services/push',
    imports: [
      ...[errors, 'lib/artifact', 'lib/http', 'lib/node/find', 'lib/node/pull', 'lib/profile', 'lib/profile/change.ts'],
      ...['lib/profile/finding.ts', tables, 'lib/registry', 'lib/text', 'services'],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: ['fastify'],
  },
  {
    name: 'services/pull',
    imports: [
      ...[errors, 'lib/artifact', 'lib/http', 'lib/node/pull', 'lib/profile', 'lib/registry'],
      ...['lib/trust/policy', 'lib/trust/signature', 'services'],
    ],
    packages: ['fastify', 'lru-cache'],
  },

  {
    name: 'cri-shim/report',
    imports: [errors, 'lib/http', 'lib/http/connections', 'lib/profile/constraint.ts'],
    packages: ['pino', 'prom-client'],
  },
  { name: 'cri-shim/proxy', imports: [errors, 'lib/cri', 'lib/files', 'lib/text'] },
  {
    name: 'cri-shim/request',
    imports: [
      ...[errors, 'lib/cri/gen', 'lib/node/install', 'lib/node/reference', 'lib/profile/constraint.ts'],
      ...['lib/registry', 'lib/text'],
    ],
    packages: ['@bufbuild/protobuf'],
  },
  {
    name: 'cri-shim/baseline',
    imports: [
      ...[errors, 'cri-shim/report', 'lib/cri', 'lib/profile', 'lib/profile/json'],
      ...['lib/profile/seccomp/**'],
    ],
    packages: ['valibot'],
  },
  {
    name: 'cri-shim/housekeeping',
    imports: ['cri-shim/report', 'lib/cri', 'lib/node/store', 'lib/registry'],
  },
  {
    name: 'cri-shim/apply',
    imports: [
      ...[errors, 'cri-shim/baseline', 'cri-shim/housekeeping', 'cri-shim/report', 'cri-shim/request'],
      ...['lib/files', 'lib/node/**', 'lib/profile/**', 'lib/registry/**', 'lib/trust/policy'],
    ],
  },
  {
    name: 'cri-shim/calls',
    imports: [
      ...[errors, 'cri-shim/apply', 'cri-shim/baseline', 'cri-shim/housekeeping', 'cri-shim/proxy', 'cri-shim/request'],
      ...['lib/cri', 'lib/cri/gen', 'lib/node/install', 'lib/node/store', 'lib/registry'],
    ],
    packages: ['@bufbuild/protobuf'],
  },
  {
    name: 'cri-shim',
    imports: [
      ...['cri-shim/**', errors, 'lib/cri', 'lib/files', 'lib/node/**', tables, 'lib/trust/policy'],
      'lib/text',
    ],
  },

  { name: 'operator/api/shared/json.ts', imports: [], pure: true },
  {
    name: 'operator/api/shared/kubernetes.ts',
    imports: ['operator/api/shared/json.ts'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/api',
    imports: [errors, 'lib/node/reference', 'lib/registry', 'lib/text', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
  },
  {
    name: 'operator/api/shared',
    imports: [errors, 'lib/registry', 'lib/trust/policy', 'operator/api', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/api/rawselinuxprofile',
    imports: ['operator/api/shared'],
    packages: ['valibot'],
    pure: true,
  },
  ...['seccompprofile', 'selinuxprofile', 'apparmorprofile', 'securityprofilenodestatus'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true as const,
  })),
  ...['artifactbinding', 'clusterprofileartifact', 'profileartifact'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api/shared'],
    packages: ['valibot'],
    pure: true as const,
  })),
  {
    name: 'operator/api/clusterartifactbinding',
    imports: ['operator/api', 'operator/api/shared'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/api/trustpolicy',
    imports: ['operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true,
  },
  ...['profilebinding', 'profilerecording', 'securityprofilesoperatordaemon'].map((kind) => ({
    name: `operator/api/${kind}`,
    imports: ['operator/api', 'operator/api/shared', 'operator/api/shared/kubernetes.ts'],
    packages: ['valibot'],
    pure: true as const,
  })),
  { name: 'operator/api/resources.ts', imports: ['operator/api/**'], pure: true },
  {
    name: 'operator/crds',
    imports: ['operator/api/shared', 'operator/api/shared/json.ts', 'operator/api/shared/kubernetes.ts'],
    packages: ['@valibot/to-json-schema', 'valibot', 'yaml'],
    pure: true,
  },
  {
    name: 'operator/manifests',
    imports: ['operator/api/resources.ts', 'operator/crds'],
    packages: ['yaml'],
  },
  {
    name: 'operator/conversion',
    imports: [errors, 'lib/text', 'operator/api/**'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/bind',
    imports: [errors, 'lib/node/reference', 'lib/text', 'operator/api/**'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/coverage',
    imports: ['operator/api', 'operator/bind'],
    packages: ['valibot'],
    pure: true,
  },
  {
    name: 'operator/kube',
    imports: [errors, 'lib/kube', 'operator/api/**', 'operator/bind', 'operator/coverage'],
    packages: ['fastify', 'valibot'],
  },
  {
    name: 'operator/validate',
    imports: [
      ...[errors, 'lib/profile', 'lib/profile/finding.ts', 'lib/profile/resource-name.ts', 'lib/profile/json'],
      ...['lib/profile/apparmor', 'lib/profile/selinux', model, tables, 'lib/profile/seccomp/read'],
      ...['lib/registry', 'lib/text', 'operator/api/**'],
    ],
    packages: ['re2js', 'valibot'],
    pure: true,
  },
  {
    name: 'operator/controllers',
    imports: [
      ...[errors, 'lib/kube', 'lib/profile', 'lib/profile/json', 'lib/profile/seccomp', 'lib/profile/seccomp/write'],
      ...[model, 'lib/registry', 'lib/text', 'operator/api/**', 'operator/validate'],
      ...['operator/bind', 'operator/coverage', 'operator/kube'],
    ],
    // profile-metrics.ts counts under the names of the Security Profiles Operator.
    packages: ['prom-client', 'valibot'],
  },
  {
    name: 'operator/trust',
    imports: [
      ...[errors, 'lib/config', 'lib/kube', 'lib/profile', 'lib/text', 'lib/trust/keys', 'lib/trust/policy'],
      ...['lib/trust/roots', 'operator/api/**', 'operator/validate'],
    ],
    packages: ['valibot'],
  },
  {
    name: 'operator/base',
    imports: [errors, 'lib/node/pull', 'lib/profile', 'lib/registry', 'operator/controllers', 'operator/trust'],
    packages: ['lru-cache'],
  },
  {
    name: 'operator/artifacts',
    imports: [
      ...[errors, 'lib/kube', 'lib/node/find', 'lib/node/pull', 'lib/profile', 'lib/profile/change.ts', tables],
      ...['lib/registry', 'lib/registry/credentials', 'lib/text', 'lib/trust/policy', 'lib/trust/signature'],
      ...['operator/api/**', 'operator/trust', 'operator/validate'],
    ],
    packages: ['lru-cache', 'prom-client', 'valibot'],
  },
  {
    name: 'operator/migrate',
    imports: [
      ...[errors, 'lib/profile', 'lib/profile/json', 'lib/profile/yaml', 'lib/yaml'],
      ...['operator/api/**', 'operator/conversion', 'operator/validate'],
    ],
    packages: ['valibot', 'yaml'],
    pure: true,
  },
  {
    name: 'operator/webhooks',
    imports: [
      ...[errors, 'lib/concurrency', 'lib/http', 'lib/http/connections', 'lib/kube', 'lib/profile', 'lib/text'],
      ...[
        'operator/api/**',
        'operator/bind',
        'operator/conversion',
        'operator/kube',
        'operator/trust',
        'operator/validate',
      ],
    ],
    packages: ['fastify', 'valibot'],
  },
  {
    name: 'operator/certificates',
    imports: [errors, 'lib/http', 'lib/kube', 'operator/api/shared'],
    packages: ['@peculiar/asn1-schema', '@peculiar/asn1-x509', 'valibot'],
  },
  {
    name: 'operator/image-profiles',
    imports: [errors, 'lib/kube', 'operator/api/**', 'operator/bind', 'operator/kube'],
    packages: ['lru-cache', 'valibot'],
  },
  {
    name: 'operator/rbac',
    imports: ['operator/api/**', 'operator/certificates', 'operator/controllers'],
  },
  {
    name: 'operator/run',
    imports: [
      ...[
        errors,
        'lib/concurrency',
        'lib/http',
        'lib/kube',
        'lib/registry',
        'lib/registry/credentials',
        'lib/registry/remote',
        'operator/api/shared',
      ],
      ...[
        'operator/artifacts',
        'operator/trust',
        'operator/base',
        'operator/bind',
        'operator/certificates',
        'operator/controllers',
        'operator/image-profiles',
        'operator/kube',
        'operator/webhooks',
      ],
    ],
    packages: ['fastify', 'prom-client'],
  },

  {
    name: 'cli/files',
    imports: [errors, 'lib/files', 'lib/profile', 'lib/registry', 'lib/registry/layout', 'lib/trust/policy'],
  },
  {
    name: 'cli/project',
    imports: [errors, 'cli/files', 'lib/config', 'lib/profile', 'lib/registry'],
    packages: ['valibot'],
  },
  { name: 'cli/documents', imports: [], packages: ['valibot'], pure: true },
  { name: 'cli/terminal', imports: [errors, 'cli/documents', 'cli/files', 'lib/profile/report', 'lib/registry'] },
  { name: 'cli/process', imports: [errors, 'cli/terminal', 'lib/files', 'lib/profile/report'], packages: ['pino'] },
  {
    name: 'cli/options',
    imports: [
      ...[
        errors,
        steps,
        'cli/files',
        'cli/terminal',
        'lib/network',
        'lib/node/pull',
        'lib/profile/**',
        'lib/registry/**',
        'lib/text',
        'lib/trust/**',
      ],
    ],
    packages: ['commander'],
  },
  {
    name: 'cli/explain',
    imports: [
      ...[
        errors,
        'cli/documents',
        'cli/options',
        'cli/terminal',
        'lib/artifact',
        'lib/node/pull',
        'lib/profile/**',
        'lib/registry',
      ],
      ...['lib/trust/policy', 'lib/trust/signature', 'lib/trust/verify'],
    ],
  },
  {
    name: 'cli/publish',
    imports: [
      ...[errors, 'cli/documents', 'cli/files', 'cli/options', 'cli/project', 'cli/terminal'],
      ...['lib/profile/**', 'lib/registry', 'lib/text', 'services/push'],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature'],
    ],
  },
  {
    name: 'cli/compare',
    imports: [
      ...[errors, 'cli/documents', 'cli/files', 'cli/options', 'cli/process', 'cli/project', 'cli/terminal'],
      'lib/profile/**',
    ],
  },
  {
    name: 'cli/serve',
    imports: [...['cli/files', 'cli/options', errors, 'lib/http', 'lib/node/pull', 'lib/trust/**', 'services/**']],
    packages: ['fastify', 'pino'],
  },
  {
    name: 'cli/quickstart',
    imports: [
      ...['cli/files', 'cli/options', 'cli/terminal', 'cri-shim', 'cri-shim/proxy', errors, 'lib/artifact'],
      ...['lib/cri/**', 'lib/node/**', 'lib/profile/**', 'lib/registry/**', 'lib/trust/**', 'services/push'],
    ],
    packages: ['@bufbuild/protobuf', 'pino', 'tar-stream'],
  },
  {
    name: 'cli/cluster',
    imports: ['cli/terminal', errors, 'lib/kube', 'operator/coverage', 'operator/kube'],
    packages: ['commander'],
  },
  { name: 'cli/migrate', imports: [errors, 'cli/files', 'operator/migrate'] },
  { name: 'cli/definitions', imports: [], packages: ['commander'] },
  {
    name: 'cli/commands',
    imports: [
      ...[
        'cli/cluster',
        'cli/compare',
        'cli/definitions',
        'cli/documents',
        'cli/explain',
        'cli/files',
        'cli/migrate',
        'cli/options',
        'cli/process',
        'cli/project',
        'cli/publish',
        'cli/quickstart',
        'cli/serve',
        'cli/terminal',
      ],
      ...['cri-shim', errors, 'lib/artifact', 'lib/config', 'lib/http', 'lib/network', 'lib/node/**', 'lib/profile/**'],
      ...[
        'lib/registry/**',
        'lib/text',
        'lib/trust/**',
        'operator/bind',
        'operator/coverage',
        'operator/manifests',
        'operator/migrate',
        'operator/run',
        'services/**',
      ],
    ],
    packages: ['commander'],
  },
  { name: 'cli/reporting', imports: [steps, 'cli/options', 'cli/terminal', 'lib/network'], packages: ['commander'] },
  { name: 'cli/usage', imports: [errors, 'lib/text'], packages: ['commander'] },
  {
    name: 'cli',
    imports: ['cli/commands', 'cli/options', 'cli/process', 'cli/reporting', 'cli/terminal', 'cli/usage', errors],
    packages: ['commander'],
  },

  { name: 'bin', imports: [] },

  { name: 'tools/debian', imports: [] },
  {
    name: 'tools',
    imports: [
      ...['cli', 'cli/definitions', 'cli/documents'],
      ...['operator/api/**', 'operator/crds', 'operator/manifests'],
    ],
    packages: 'any',
  },
  {
    name: 'tools/deploy',
    imports: ['operator/api/resources.ts', 'operator/crds', 'operator/manifests'],
    packages: ['yaml'],
  },
  { name: 'tools/release/image', imports: ['lib/registry', 'tools/debian'], packages: ['tar-stream'] },
  {
    name: 'tools/release',
    imports: [
      'cli/definitions',
      errors,
      'tools',
      ...['cli/options', 'cli/terminal', 'lib/registry', 'lib/registry/layout', 'tools/release/image'],
      ...['lib/trust/policy', 'lib/trust/sign', 'lib/trust/signature', 'lib/trust/verify'],
    ],
    packages: 'any',
  },

  { name: 'test/support/cri/client.ts', imports: ['lib/cri/gen'], packages: 'any' },
  { name: 'test/peers/**', imports: ['test/support/cri/client.ts', 'tools/debian'], packages: 'any' },
  { name: 'test/fuzz/mutate.ts', imports: [] },
  { name: 'test/oracle/**', imports: ['lib/**', 'test/fuzz/mutate.ts', 'test/peers/**'], packages: 'any' },
  { name: 'test/support/cli/assert-document.ts', imports: ['tools'], packages: ['ajv'] },
  { name: 'test/support/cli/built-program.ts', imports: ['tools'] },
  {
    name: 'test/support/**',
    imports: [
      'lib/**',
      'operator/**',
      'services/push',
      'test/oracle/**',
      'test/peers/**',
      'test/support/cri/client.ts',
      'test/support/cli/assert-document.ts',
    ],
    packages: 'any',
  },
  { name: 'test/support/release/stand-in-packages.ts', imports: ['tools/release'], packages: 'any' },
  { name: 'test/support/release/program.ts', imports: ['tools', 'tools/release'] },
  {
    name: 'test/support/release/program-archive.ts',
    imports: ['test/support/release/program.ts', 'tools', 'tools/release'],
  },
  {
    name: 'test/support/release/image.ts',
    imports: ['test/support/release/program.ts', 'tools', 'tools/release', 'tools/release/image'],
  },
  {
    name: 'test/fuzz',
    imports: ['lib/**', 'test/fuzz/mutate.ts', 'test/oracle/**', 'test/peers/**', 'test/support/**'],
    packages: 'any',
  },
  { name: 'test/bench', imports: ['lib/**', 'operator/**', 'test/peers/**', 'test/support/**'], packages: 'any' },
];
