import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { intersectSelinux } from '#lib/profile/selinux/intersect';
import type { RawSelinuxProfile, SelinuxProfile } from '#lib/profile/selinux/model';
import { parsePolicy } from '#lib/profile/selinux/parse-policy';
import { renderCil } from '#lib/profile/selinux/render-cil';
import { allowMap } from '#lib/profile/selinux/rules';
import { structured } from '#lib/profile/selinux/structured';
import { unionSelinux } from '#lib/profile/selinux/union';
import { selinuxRestrictions, validateSelinux } from '#lib/profile/selinux/validate';
import { describePeers } from '#test/peers/require';
import { allowedAccess } from '../../support/selinux-compiler.ts';

/** What the base policy has, so that everything that is generated resolves. */
const vocabulary: Readonly<Record<string, readonly string[]>> = {
  file: ['read', 'write', 'open', 'append', 'execute'],
  dir: ['read', 'search', 'add_name'],
  process: ['fork', 'signal', 'ptrace'],
  fd: ['use'],
  tcp_socket: ['name_bind', 'create'],
};
const grant = fc
  .tuple(
    fc.constantFrom('@self', 'process', 'var_log_t', 'var_spool_t', 'proc_t', 'http_port_t', 'socket'),
    fc.constantFrom(...Object.keys(vocabulary)),
    fc.nat(),
  )
  .map(([target, objectClass, index]) => {
    const permissions = vocabulary[objectClass] ?? [];
    return [target, objectClass, permissions[index % permissions.length] ?? ''] as const;
  });

/**
 * Returns what a module adds to a policy in which the same blocks inherit the same and allow
 * nothing.
 */
function added(profiles: readonly (SelinuxProfile | RawSelinuxProfile)[]): Set<string> {
  const bare = profiles.map((profile): SelinuxProfile | RawSelinuxProfile =>
    profile.kind === 'SELinux'
      ? { ...profile, allow: new Map() }
      : { ...profile, policy: profile.policy.filter(({ statement }) => statement !== 'allow') },
  );
  const before = allowedAccess(bare.map((profile) => renderCil(profile)));
  const after = allowedAccess(profiles.map((profile) => renderCil(profile)));
  for (const access of before) assert.ok(after.has(access), `lost: ${access}`);
  return new Set([...after].filter((access) => !before.has(access)));
}

/**
 * Returns what a profile says, as sesearch would write it. Straight from the grants, apart from the
 * functions under test.
 */
function said(name: string, grants: Iterable<readonly [string, string, string]>): string[] {
  return [...grants].map(([target, objectClass, permission]) => {
    const own = ['@self', 'process'].includes(target) ? 'process' : target === 'socket' ? 'socket' : undefined;
    return [`${name}.process`, own === undefined ? target : `${name}.${own}`, objectClass, permission].join(' ');
  });
}

/** What the container template allows already. */
const template =
  /^(\w+)\.process (\1\.socket sock_file|proc_t file (getattr|open|read)$|\1\.process process (fork|sigchld|signal|getattr)$|\1\.process tcp_socket (create|bind)$)/;

describePeers(['secilc', 'sesearch'], 'the access that the kernel policy allows', () => {
  it('is what generated profiles say, no more and no less', () => {
    const generated = fc.record({
      mode: fc.constantFrom('Enforcing' as const, 'Permissive' as const),
      inherit: fc.subarray([{ kind: 'System', name: 'net_container' } as const]),
      grants: fc.array(grant, { maxLength: 10 }),
    });
    const samples = fc.sample(generated, { numRuns: 120, seed: 11 });
    const profiles = samples.map(({ grants, ...rest }, index): SelinuxProfile => {
      return { kind: 'SELinux', name: `p${index}`, allow: allowMap(grants), ...rest };
    });
    for (const profile of profiles) validateSelinux(profile);
    const expected = new Set(samples.flatMap(({ grants }, index) => said(`p${index}`, grants)));
    const found = added(profiles);
    for (const access of found) assert.ok(expected.has(access), `not said: ${access}`);
    for (const access of expected) assert.ok(found.has(access) || template.test(access), `missing: ${access}`);
    assert.ok(found.size > 300);
  });

  it('of raw policies that are let through is theirs alone', () => {
    const word = fc.constantFrom(
      ...[
        'allow',
        'dontaudit',
        'process',
        'self',
        'var_log_t',
        'init_t',
        'domain',
        'file',
        'read',
        'all',
        'not',
        '(',
        ')',
      ],
      ...[
        ';',
        '\n',
        '"',
        'in',
        'container',
        'block',
        'type',
        'own_a',
        'typeattributeset',
        'file_type',
        'roletype',
        'object_r',
      ],
    );
    const statement = fc.oneof(
      grant.map(
        ([target, ...rest]) => `(allow process ${target === '@self' ? 'self' : target} (${rest[0]} (${rest[1]})))`,
      ),
      fc.constantFrom(
        '(typeattributeset file_type (own_a))',
        '(roletype object_r own_a)',
        '(allow process own_a (file (read)))',
      ),
    );
    const mutated = fc
      .record({
        statements: fc.array(statement, { minLength: 1, maxLength: 6 }),
        changes: fc.array(fc.tuple(fc.nat(), fc.constantFrom('replace', 'insert', 'remove'), word), { maxLength: 2 }),
      })
      .map(({ statements, changes }) => {
        const text = ['(blockinherit container)', '(type own_a)', ...statements].join('\n');
        const words = text.split(/(?<=[ ()\n])|(?=[ ()\n])/);
        for (const [at, change, by] of changes) {
          const place = at % words.length;
          if (change === 'insert') words.splice(place, 0, by);
          else words.splice(place, 1, ...(change === 'replace' ? [by] : []));
        }
        return words.join('');
      });
    const accepted: RawSelinuxProfile[] = [];
    let refused = 0;
    for (const text of fc.sample(mutated, { numRuns: 600, seed: 13 })) {
      const name = `r${accepted.length}`;
      try {
        const raw: RawSelinuxProfile = { kind: 'RawSELinux', name, policy: parsePolicy(text, 'policy') };
        validateSelinux(raw);
        if (resolves(raw)) accepted.push(raw);
      } catch (error) {
        assert.ok(error instanceof FairleadError, String(error));
        refused += 1;
      }
    }
    assert.ok(accepted.length > 150 && refused > 150, `${accepted.length} accepted, ${refused} refused`);
    const names = new Set(accepted.map(({ name }) => name));
    const found = added(accepted);
    assert.ok(found.size > 300);
    for (const access of found) {
      const [source = '', target = ''] = access.split(' ');
      const [owner = ''] = source.split('.');
      assert.ok(names.has(owner) && source === `${owner}.process`, `rights for another: ${access}`);
      if (target.includes('.')) assert.equal(target.split('.')[0], owner, `rights over another's: ${access}`);
    }
  });

  /** Reports whether there is everything that a policy names: a changed word may name nothing. */
  function resolves({ policy }: RawSelinuxProfile): boolean {
    const declared = policy.flatMap((statement) => (statement.statement === 'type' ? [statement.type] : []));
    const targets = ['@self', 'var_log_t', 'var_spool_t', 'proc_t', 'http_port_t', 'socket', ...declared];
    return policy.every((statement) => {
      if (statement.statement !== 'allow' && statement.statement !== 'dontaudit') return true;
      const known = vocabulary[statement.class];
      return targets.includes(statement.target) && statement.permissions.every((name) => known?.includes(name));
    });
  }

  it('under an intersection is what both allow, under a union what either does', () => {
    const pairs = fc.sample(fc.tuple(fc.array(grant, { maxLength: 12 }), fc.array(grant, { maxLength: 12 })), {
      numRuns: 25,
      seed: 17,
    });
    const make = (name: string, grants: Parameters<typeof allowMap>[0]): SelinuxProfile => {
      return { kind: 'SELinux', name, mode: 'Enforcing', inherit: [], allow: allowMap(grants) };
    };
    // The same pair under four names, so that one compilation shows everything.
    const rename = (profile: SelinuxProfile, name: string): SelinuxProfile => ({ ...profile, name });
    const profiles = pairs.flatMap(([a, b], index) => {
      const [left, right] = [make(`a${index}`, a), make(`b${index}`, b)];
      const both = intersectSelinux([left, right]).profile;
      return [left, right, rename(both, `and${index}`), rename(unionSelinux([left, right]), `or${index}`)];
    });
    const found = allowedAccess(profiles.map((profile) => renderCil(profile)));
    const of = (name: string): Set<string> => {
      const own = [...found].filter((access) => access.startsWith(`${name}.process `));
      return new Set(own.map((access) => access.replaceAll(`${name}.`, 'own.')));
    };
    for (const index of pairs.keys()) {
      const [a, b, and, or] = [of(`a${index}`), of(`b${index}`), of(`and${index}`), of(`or${index}`)];
      assert.deepEqual([...and].sort(), [...a].filter((access) => b.has(access)).sort());
      assert.deepEqual([...or].sort(), [...new Set([...a, ...b])].sort());
    }
  });

  it('under an intersection is never more than an input allows, where a policy of the node declares what it names', () => {
    const special = '(block special (blockabstract special) (type var_log_t) (typeattributeset file_type (var_log_t)))';
    const allow = allowMap([['var_log_t', 'file', 'append']]);
    const [a, b] = ['a', 'b'].map((name): SelinuxProfile => {
      const inherit = name === 'a' ? [{ kind: 'System', name: 'special' } as const] : [];
      return { kind: 'SELinux', name, mode: 'Enforcing', inherit, allow };
    });
    assert.ok(a !== undefined && b !== undefined);
    const both = { ...intersectSelinux([a, b]).profile, name: 'both' };
    const found = allowedAccess([special, ...[a, b, both].map((profile) => renderCil(profile))]);
    assert.ok(found.has('a.process a.var_log_t file append') && !found.has('a.process var_log_t file append'));
    assert.ok(found.has('b.process var_log_t file append'));
    assert.ok(!found.has('both.process var_log_t file append'));
  });

  it('of raw policies with nothing but rules can be merged with any other', () => {
    const pairs = fc.sample(fc.tuple(fc.array(grant, { maxLength: 12 }), fc.array(grant, { maxLength: 12 })), {
      numRuns: 25,
      seed: 19,
    });
    const rawOf = (name: string, grants: readonly (readonly [string, string, string])[]): RawSelinuxProfile => {
      const statements = grants.map(([target, objectClass, permission]) => {
        const type = target === '@self' ? 'self' : target;
        return `(allow process ${type} (${objectClass} (${permission})))\n(dontaudit process proc_t (file (append)))`;
      });
      const text = ['(blockinherit container)', '(blockinherit net_container)', ...statements].join('\n');
      return { kind: 'RawSELinux', name, policy: parsePolicy(text, 'policy') };
    };
    const profiles = pairs.flatMap(([left, right], index) => {
      const a = rawOf(`a${index}`, left);
      const inherit = [{ kind: 'System', name: 'net_container' } as const];
      const name = `b${index}`;
      const b = { kind: 'SELinux', name, mode: 'Enforcing', inherit, allow: allowMap(right) } as const;
      const both = { ...intersectSelinux([structured(a), b]).profile, name: `and${index}` };
      return [a, b, both, { ...unionSelinux([b, structured(a)]), name: `or${index}` }];
    });
    const found = allowedAccess(profiles.map((profile) => renderCil(profile)));
    const of = (name: string): string[] => {
      const own = [...found].filter((access) => access.startsWith(`${name}.process `));
      return own.map((access) => access.replaceAll(`${name}.`, 'own.')).sort();
    };
    for (const index of pairs.keys()) {
      const [a, b] = [of(`a${index}`), of(`b${index}`)];
      assert.deepEqual(
        of(`and${index}`),
        a.filter((access) => b.includes(access)),
      );
      assert.deepEqual(of(`or${index}`), [...new Set([...a, ...b])].sort());
    }
  });

  it("is one's own where a profile inherits from another", () => {
    const parent: SelinuxProfile = {
      kind: 'SELinux',
      name: 'parent',
      mode: 'Enforcing',
      inherit: [],
      allow: allowMap([
        ['@self', 'process', 'ptrace'],
        ['var_log_t', 'file', 'append'],
      ]),
    };
    const child: SelinuxProfile = {
      ...parent,
      name: 'child',
      inherit: [{ kind: 'SelinuxProfile', name: 'parent' }],
      allow: allowMap([['var_spool_t', 'file', 'append']]),
    };
    validateSelinux(child, selinuxRestrictions({}, ['parent']));
    const found = allowedAccess([renderCil(parent), renderCil(child)]);
    for (const access of ['child.process process ptrace', 'var_log_t file append', 'var_spool_t file append']) {
      assert.ok(found.has(`child.process ${access}`), access);
    }
    assert.ok(!found.has('child.process parent.process process ptrace'));
    assert.ok(!found.has('parent.process var_spool_t file append'));
  });

  it('would be another, could a profile declare what its template speaks of', () => {
    const pasted = '(block app (blockinherit container) (type proc_t) (type container_runtime_t))';
    const found = allowedAccess([pasted]);
    assert.ok(found.has('app.process app.proc_t file read') && !found.has('app.process proc_t file read'));
    assert.ok(found.has('app.container_runtime_t app.process key create'));
    assert.throws(() => parsePolicy('(blockinherit container) (type proc_t)', 'policy'), /must begin with "own_"/);
  });
});
