import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { usualDefault } from '#test/support/runtime-default';
import { convertProfile } from './convert-profile.ts';
import { diffProfiles } from './diff-profiles.ts';
import { effectiveProfile } from './effective-profile.ts';
import { importProfile } from './import-profile.ts';
import { intersectProfiles, unionProfiles } from './merge-profiles.ts';
import type { Profile } from './profile.ts';
import { defaultPublicationLimits } from './publication-limits.ts';
import { publicationViolations } from './publication-violations.ts';
import { readProfile } from './read-profile.ts';

const native = 'SCMP_ARCH_X86_64';
const read = (text: string) => importProfile(new TextEncoder().encode(text), 'text');

const seccomp = (...names: readonly string[]) =>
  read(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }));
const appArmor = (...readOnlyPaths: readonly string[]) => read(JSON.stringify({ filesystem: { readOnlyPaths } }));
const selinux = (name: string, types: readonly string[], mode = 'Enforcing') =>
  read(
    `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SelinuxProfile\nmetadata: {name: ${name}}\nspec:\n  mode: ${mode}\n  allow:\n` +
      types.map((type) => `    ${type}: {file: [read]}\n`).join(''),
  );
const raw = read(
  'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: RawSelinuxProfile\nmetadata: {name: raw}\nspec:\n' +
    '  policy: (blockinherit container)(allow process a_t (file (read)))\n',
);

/** Two of a kind, what both permit, and what either does. */
const pairs: readonly (readonly [first: Profile, second: Profile, both: Profile, either: Profile])[] = [
  [seccomp('read', 'write'), seccomp('read', 'open'), seccomp('read'), seccomp('open', 'read', 'write')],
  [appArmor('/a/*', '/b/c'), appArmor('/b/*', '/d'), appArmor('/b/c'), appArmor('/a/*', '/b/*', '/d')],
  [
    selinux('app', ['a_t', 'b_t']),
    selinux('other', ['b_t', 'c_t']),
    selinux('app', ['b_t']),
    selinux('app', ['a_t', 'b_t', 'c_t']),
  ],
];

describe('profiles of every kind', () => {
  for (const [first, second, both, either] of pairs) {
    it(`can be merged: ${first.kind}`, () => {
      const intersection = intersectProfiles([first, second], native);
      assert.equal(intersection.profile.kind, first.kind);
      assert.deepEqual(diffProfiles(intersection.profile, both, native).changes, []);
      assert.deepEqual(intersection.inexact, []);
      const union = unionProfiles([first, second], native);
      assert.deepEqual(diffProfiles(union.profile, either, native).changes, []);
      assert.deepEqual(union.inexact, []);
    });

    it(`can be compared: ${first.kind}`, () => {
      assert.deepEqual(diffProfiles(first, first, native).changes, []);
      const directions = (from: Profile, to: Profile) =>
        new Set(diffProfiles(from, to, native).changes.map(({ direction }) => direction));
      assert.deepEqual(directions(first, either), new Set(['loosened']));
      assert.deepEqual(directions(first, both), new Set(['tightened']));
      assert.deepEqual(directions(first, second), new Set(['loosened', 'tightened']));
    });

    it(`can be explained: ${first.kind}`, () => {
      const { profile, constraints } = effectiveProfile({ baseline: second, artifact: first }, native);
      assert.deepEqual(diffProfiles(profile, both, native).changes, []);
      assert.equal(constraints.length, 1);
      assert.equal(constraints[0]?.input, 'baseline');
      assert.deepEqual(effectiveProfile({ base: either, artifact: first }, native).constraints, []);
      const byBase = effectiveProfile({ baseline: either, base: second, artifact: first }, native).constraints;
      assert.deepEqual(
        byBase.map(({ input }) => input),
        ['base'],
      );
    });
  }

  it('are not mixed', () => {
    const mixed = { kind: 'InvalidInput', message: /kind Seccomp and AppArmor cannot be used together/ };
    assert.throws(() => diffProfiles(seccomp('read'), appArmor('/a'), native), mixed);
    assert.throws(() => intersectProfiles([seccomp('read'), appArmor('/a')], native), mixed);
    assert.throws(() => effectiveProfile({ base: appArmor('/a'), artifact: seccomp('read') }, native), mixed);
  });

  it('may be raw SELinux profiles: compared always, merged where they have nothing but rules', () => {
    assert.deepEqual(diffProfiles(raw, selinux('app', ['a_t']), native).changes, []);
    const both = intersectProfiles([selinux('app', ['a_t', 'b_t']), raw], native);
    assert.equal(both.profile.kind, 'SELinux');
    assert.deepEqual(diffProfiles(both.profile, raw, native).changes, []);
    const either = unionProfiles([raw, selinux('app', ['b_t'])], native);
    assert.deepEqual(diffProfiles(either.profile, selinux('app', ['a_t', 'b_t']), native).changes, []);
    assert.deepEqual(effectiveProfile({ base: raw, artifact: selinux('app', ['b_t']) }, native).constraints, [
      { subject: 'allow b_t file read', input: 'base', from: 'permitted', to: 'denied', exact: true },
    ]);
    const typed = read(
      'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: RawSelinuxProfile\nmetadata: {name: typed}\nspec:\n' +
        '  policy: (blockinherit container)(type own_a)\n',
    );
    assert.throws(() => intersectProfiles([selinux('app', ['a_t']), typed], native), {
      kind: 'InvalidInput',
      message: /raw SELinux profile typed cannot be merged: it has a type of its own, own_a/,
    });
  });

  it('have modes, of which the strict one tightens', () => {
    const [enforcing, permissive] = [selinux('app', ['a_t']), selinux('app', ['a_t'], 'Permissive')];
    assert.deepEqual(diffProfiles(enforcing, permissive, native).changes, [
      { subject: 'mode', direction: 'loosened', from: 'Enforcing', to: 'Permissive' },
    ]);
    assert.deepEqual(effectiveProfile({ base: enforcing, artifact: permissive }, native).constraints, [
      { subject: 'mode', input: 'base', from: 'Permissive', to: 'Enforcing', exact: true },
    ]);
  });

  it('say where a result is not exact', () => {
    // On 32-bit architectures the two conditions are one, which no rule can say for both widths.
    const allowIf = (value: bigint) =>
      read(
        '{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86"],"syscalls":[{"names":["read"],' +
          `"action":"SCMP_ACT_ALLOW","args":[{"index":2,"value":${value},"op":"SCMP_CMP_EQ"}]}]}`,
      );
    const [narrow, wide] = [allowIf(5n), allowIf(2n ** 32n + 5n)];
    assert.deepEqual(intersectProfiles([narrow, wide], native).inexact, ['read']);
    assert.deepEqual(unionProfiles([narrow, wide], native).inexact, ['read']);
  });

  it('are intersected as a node does, and the result can be published', () => {
    const baseline: Profile = { kind: 'Seccomp', seccomp: usualDefault({ architecture: 'amd64', capabilities: [] }) };
    // Another errno than the baseline's meets its condition on the family of a socket.
    const artifact = read(readFileSync(new URL('../../examples/nginx.json', import.meta.url), 'utf8'));
    const { profile } = effectiveProfile({ baseline, artifact }, native);
    const merged = intersectProfiles([baseline, artifact], native);
    assert.deepEqual(merged.profile, profile);
    assert.deepEqual(merged.inexact, ['socket']);
    for (const each of [merged.profile, intersectProfiles([baseline], native).profile]) {
      const published = readProfile(new TextEncoder().encode(convertProfile(each, 'runtime', '')));
      assert.deepEqual(publicationViolations(published, defaultPublicationLimits), []);
    }
  });
});
