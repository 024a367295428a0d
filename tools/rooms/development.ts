import { errors, type Room } from './room.ts';

/** The rooms of what is not shipped: the launcher, tools, and what tests share. */
export const developmentRooms: readonly Room[] = [
  { name: 'bin', imports: [] },

  { name: 'tools/debian', imports: [] },
  { name: 'tools/rooms', imports: [] },
  {
    name: 'tools',
    imports: [
      ...['cli', 'cli/definitions', 'cli/documents'],
      ...['operator/api/**', 'operator/crds', 'operator/manifests', 'tools/rooms'],
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
  { name: 'test/support/kernel/guest-program.ts', imports: ['tools'], packages: ['esbuild'] },
  { name: 'test/support/cri/scripted-runtime.ts', imports: [], packages: 'any' },
  {
    name: 'test/support/**',
    imports: [
      'lib/**',
      'operator/**',
      'services/callers',
      'services/push',
      'test/oracle/**',
      'test/peers/**',
      'test/support/cri/client.ts',
      'test/support/cri/scripted-runtime.ts',
      'test/support/cli/assert-document.ts',
      'test/support/kernel/guest-program.ts',
    ],
    packages: 'any',
  },
  { name: 'test/support/cri/pulling-node.ts', imports: ['cri-shim/**', 'lib/**'] },
  {
    name: 'test/support/cri/shim-in-process.ts',
    imports: ['cri-shim', 'cri-shim/report', 'test/support/cri/scripted-runtime.ts'],
  },
  {
    name: 'test/support/cri/whole-messages.ts',
    imports: ['cri-shim/**', 'lib/**', 'test/fuzz/mutate.ts', 'test/oracle/**'],
    packages: ['@bufbuild/protobuf'],
  },
  { name: 'test/support/pages', imports: ['lib/**', 'services/**'], packages: 'any' },
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
