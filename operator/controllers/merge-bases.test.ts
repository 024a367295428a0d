import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { formatReference, type Reference } from '#lib/registry/reference';
import { mergeBases } from './merge-bases.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const allow = (...names: string[]) => ({ names, action: 'SCMP_ACT_ALLOW' as const });
const runc: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [allow('openat', 'execve')] };

/** SeccompProfiles of a cluster by name: the syscalls that they allow, and their base. */
type Cluster = Readonly<Record<string, { readonly allows: readonly string[]; readonly base?: string }>>;

function clusterOf(objects: Cluster) {
  const pulled: string[] = [];
  const dependencies = {
    read: async (name: string) => {
      const object = objects[name];
      if (object === undefined) return undefined;
      const { allows, base } = object;
      return JSON.stringify({
        apiVersion: 'security-profiles-operator.x-k8s.io/v1',
        kind: 'SeccompProfile',
        metadata: { name, managedFields: [{ manager: 'kubectl' }] },
        spec: {
          defaultAction: 'SCMP_ACT_ERRNO',
          syscalls: allows.length === 0 ? [] : [allow(...allows)],
          ...(base !== undefined && { baseProfileName: base }),
        },
      });
    },
    pull: async (reference: Reference) => {
      pulled.push(formatReference(reference));
      return { profile: runc, pinned: `${reference.registry}/${reference.repository}@${digest}` };
    },
  };
  return { pulled, dependencies };
}

const allowed = ({ syscalls = [] }: SeccompProfile): string[] => syscalls.flatMap(({ names }) => names).toSorted();

describe('mergeBases', () => {
  it('adds the syscalls of a base, and of its base', async () => {
    const { dependencies } = clusterOf({
      web: { allows: ['bind'], base: 'node' },
      node: { allows: ['bind', 'futex'], base: 'posix' },
      posix: { allows: ['read'] },
    });
    const merged = await mergeBases('web', dependencies);
    assert.deepEqual(allowed(merged?.profile ?? runc), ['bind', 'futex', 'read']);
    assert.deepEqual(merged?.objects, ['node', 'posix']);
    assert.equal(merged?.followsTag, false);
  });

  it('adds the syscalls of an artifact, and returns its digest', async () => {
    for (const [base, followsTag] of [
      ['oci://registry.example.com/base/runc:v1', true],
      [`oci://registry.example.com/base/runc@${digest}`, false],
    ] as const) {
      const { dependencies, pulled } = clusterOf({
        web: { allows: ['bind'], base: 'node' },
        node: { allows: [], base },
      });
      const merged = await mergeBases('web', dependencies);
      assert.deepEqual(allowed(merged?.profile ?? runc), ['bind', 'execve', 'openat']);
      assert.deepEqual(merged?.artifacts, [`registry.example.com/base/runc@${digest}`]);
      assert.equal(merged?.followsTag, followsTag);
      assert.deepEqual(pulled, [base.slice('oci://'.length)]);
    }
  });

  it('has nothing to merge without a base', async () => {
    for (const base of [undefined, '']) {
      const profile = { allows: ['read'], ...(base !== undefined && { base }) };
      assert.equal(await mergeBases('web', clusterOf({ web: profile }).dependencies), undefined);
    }
  });

  it('refuses circles, long chains, and bases that do not exist, with the way to them', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 16 }, (_, level) => [`p${level}`, { allows: [], base: `p${level + 1}` }]),
    );
    const cases: readonly (readonly [Cluster, string, RegExp])[] = [
      [{ p0: { allows: [], base: 'p0' } }, 'InvalidInput', /its own base: p0 → p0$/],
      [{ p0: { allows: [], base: 'a' }, a: { allows: [], base: 'p0' } }, 'InvalidInput', /: p0 → a → p0$/],
      [chain, 'InvalidInput', /more than 15 levels: p0 → .* → p15$/],
      [{ p0: { allows: [], base: 'gone' } }, 'NotFound', /no SeccompProfile "gone"$/],
      [{ p0: { allows: [], base: 'oci://' } }, 'InvalidInput', /reference/],
    ];
    for (const [cluster, kind, message] of cases)
      await assert.rejects(mergeBases('p0', clusterOf(cluster).dependencies), { kind, message });
  });

  it('does not continue without a base that is refused', async () => {
    const { dependencies } = clusterOf({ web: { allows: [], base: 'oci://registry.example.com/base/runc:v1' } });
    const pull = async () => {
      throw new FairleadError('SignatureInvalid', 'no signature');
    };
    await assert.rejects(mergeBases('web', { ...dependencies, pull }), { kind: 'SignatureInvalid' });
  });

  it('refuses conditions that would allow more joined than the profile and its base', async () => {
    const spec = (first: number) => ({
      defaultAction: 'SCMP_ACT_ERRNO' as const,
      syscalls: Array.from({ length: 1000 }, (_, i) => ({
        ...allow('ioctl'),
        args: [{ index: 1, value: first + 3 * i, op: 'SCMP_CMP_EQ' as const }],
      })),
    });
    const read = async (name: string) =>
      JSON.stringify({
        apiVersion: 'security-profiles-operator.x-k8s.io/v1',
        kind: 'SeccompProfile',
        metadata: { name },
        spec: { ...(name === 'web' && { baseProfileName: 'node' }), ...spec(name === 'web' ? 0 : 1) },
      });
    const { dependencies } = clusterOf({});
    await assert.rejects(mergeBases('web', { ...dependencies, read }), {
      kind: 'ProfileInvalid',
      message:
        'spec.baseProfileName: "web" and its base "node" both have conditions for "ioctl", and no profile can express both',
      hint: /remove the rules for these syscalls/,
    });
  });
});
