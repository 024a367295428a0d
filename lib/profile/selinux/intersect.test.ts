import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { diffSelinux, equalsSelinux } from './diff.ts';
import { intersectSelinux } from './intersect.ts';
import type { Inherit, SelinuxProfile } from './model.ts';
import { parsePolicy } from './parse-policy.ts';
import { allowMap } from './rules.ts';
import { unionSelinux } from './union.ts';

type Grants = Parameters<typeof allowMap>[0];

function profile(name: string, allow: Grants, options: Partial<SelinuxProfile> = {}): SelinuxProfile {
  return { kind: 'SELinux', name, mode: 'Enforcing', inherit: [], allow: allowMap(allow), ...options };
}

const net: Inherit = { kind: 'System', name: 'net_container' };
const parent: Inherit = { kind: 'SelinuxProfile', name: 'parent' };

const anyProfile: fc.Arbitrary<SelinuxProfile> = fc
  .record({
    name: fc.constantFrom('a', 'b'),
    mode: fc.constantFrom('Enforcing' as const, 'Permissive' as const),
    inherit: fc.subarray([net, { kind: 'System', name: 'log_container' } as const]),
    grants: fc.array(
      fc.tuple(
        fc.constantFrom('@self', 'process', 'own.process', 'other.process', 'var_log_t'),
        fc.constantFrom('file', 'process'),
        fc.constantFrom('read', 'write', 'fork'),
      ),
      { maxLength: 8 },
    ),
  })
  .map(({ name, grants, ...rest }) => {
    const named = grants.map(
      ([target, ...more]) => [target === 'own.process' ? `${name}.process` : target, ...more] as const,
    );
    return profile(name, named, rest);
  });

/** Straight from the model, apart from the functions under test. */
function permits(subject: SelinuxProfile, target: string, objectClass: string, permission: string): boolean {
  const names = target === '@self' ? ['@self', 'process', `${subject.name}.process`] : [target];
  return names.some((name) => subject.allow.get(name)?.get(objectClass)?.has(permission) ?? false);
}

describe('intersectSelinux and unionSelinux', () => {
  it('do not take a name for the same type under policies that may declare it', () => {
    const grants: Grants = [
      ['@self', 'process', 'fork'],
      ['var_log_t', 'file', 'read'],
    ];
    const special: Inherit = { kind: 'System', name: 'special_container' };
    const { profile: both, constraints } = intersectSelinux([
      profile('a', grants, { inherit: [special] }),
      profile('b', grants),
    ]);
    assert.deepEqual([...both.allow.keys()], ['@self']);
    assert.deepEqual(constraints, [
      { subject: 'inherit System special_container', inputs: [1], exact: false },
      { subject: 'allow var_log_t file read', inputs: [1], exact: false },
    ]);
    const same = intersectSelinux([profile('a', grants, { inherit: [net] }), profile('b', grants)]).profile;
    assert.deepEqual([...same.allow.keys()], ['@self', 'var_log_t']);
  });

  it('keep what all and what any permit', () => {
    fc.assert(
      fc.property(fc.array(anyProfile, { minLength: 1, maxLength: 3 }), (list) => {
        const profiles = list as [SelinuxProfile, ...SelinuxProfile[]];
        const all = intersectSelinux(profiles).profile;
        const any = unionSelinux(profiles);
        for (const target of ['@self', 'var_log_t', 'other.process']) {
          for (const objectClass of ['file', 'process']) {
            for (const permission of ['read', 'write', 'fork']) {
              const ask = (one: SelinuxProfile) => permits(one, target, objectClass, permission);
              assert.equal(ask(all), profiles.every(ask));
              assert.equal(ask(any), profiles.some(ask));
            }
          }
        }
        assert.equal(
          all.mode === 'Permissive',
          profiles.every(({ mode }) => mode === 'Permissive'),
        );
        assert.equal(
          any.mode === 'Permissive',
          profiles.some(({ mode }) => mode === 'Permissive'),
        );
        for (const input of profiles) {
          assert.ok(diffSelinux(input, all).every(({ change }) => change === 'tightened'));
          assert.ok(diffSelinux(input, any).every(({ change }) => change === 'loosened'));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('do not depend on order or grouping, nor on saying things twice', () => {
    fc.assert(
      fc.property(anyProfile, anyProfile, anyProfile, (a, b, c) => {
        const and = (...list: [SelinuxProfile, ...SelinuxProfile[]]) => intersectSelinux(list).profile;
        const or = (...list: [SelinuxProfile, ...SelinuxProfile[]]) => unionSelinux(list);
        for (const combine of [and, or]) {
          assert.ok(equalsSelinux(combine(a, b), combine(b, a)));
          assert.ok(equalsSelinux(combine(combine(a, b), c), combine(a, combine(b, c))));
          assert.ok(equalsSelinux(combine(a, b, c), combine(a, combine(b, c))));
          assert.ok(equalsSelinux(combine(a, a), a));
          assert.ok(equalsSelinux(combine(a), a));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('say what was taken from whom', () => {
    const a = profile(
      'a',
      [
        ['var_log_t', 'file', 'read'],
        ['var_log_t', 'file', 'write'],
      ],
      { inherit: [net] },
    );
    const b = profile('b', [['var_log_t', 'file', 'read']], { inherit: [net] });
    const exact = intersectSelinux([a, b]);
    assert.deepEqual(exact.constraints, [{ subject: 'allow var_log_t file write', inputs: [1], exact: true }]);
    assert.deepEqual(exact.profile.inherit, [{ kind: 'System', name: 'container' }, net]);

    const c = profile('c', [['var_log_t', 'file', 'read']], { mode: 'Permissive' });
    assert.deepEqual(intersectSelinux([a, b, c]).constraints, [
      { subject: 'inherit System net_container', inputs: [2], exact: false },
      { subject: 'allow var_log_t file write', inputs: [1, 2], exact: false },
      { subject: 'mode', inputs: [0, 1], exact: true },
    ]);
  });

  it('refuse an intersection that would have no process', () => {
    const [a, b] = [profile('a', []), profile('b', [], { inherit: [parent, net] })];
    assert.throws(
      () => intersectSelinux([a, b]),
      (error) => {
        assert.ok(error instanceof FairleadError);
        assert.match(
          error.message,
          /profiles a and b inherit from no common policy: SelinuxProfile parent, System container/,
        );
        return true;
      },
    );
    assert.deepEqual(intersectSelinux([b, b]).profile.inherit, [parent, net]);
  });
});

describe('diffSelinux', () => {
  it('tells what is looser and what is tighter', () => {
    const a = profile(
      'a',
      [
        ['var_log_t', 'file', 'read'],
        ['a.process', 'fd', 'use'],
      ],
      { inherit: [net] },
    );
    const b = profile(
      'b',
      [
        ['var_log_t', 'file', 'write'],
        ['process', 'fd', 'use'],
      ],
      { mode: 'Permissive' },
    );
    assert.deepEqual(diffSelinux(a, b), [
      { change: 'tightened', subject: 'allow var_log_t file read' },
      { change: 'loosened', subject: 'allow var_log_t file write' },
      { change: 'tightened', subject: 'inherit System net_container' },
      { change: 'loosened', subject: 'mode' },
    ]);
    assert.deepEqual(diffSelinux(a, a), []);
  });

  it('compares raw profiles with others', () => {
    const text = '(blockinherit container)(allow process var_log_t (file (read)))(dontaudit process a (file (read)))';
    const raw = { kind: 'RawSELinux' as const, name: 'raw', policy: parsePolicy(text, 'policy') };
    const same = profile('a', [['var_log_t', 'file', 'read']]);
    assert.ok(equalsSelinux(raw, same));
    const policy = parsePolicy(`${text}(typeattributeset sandbox_net_domain (process))`, 'policy');
    assert.deepEqual(diffSelinux(same, { ...raw, policy }), [
      { change: 'loosened', subject: 'attribute sandbox_net_domain @self' },
    ]);
  });
});
