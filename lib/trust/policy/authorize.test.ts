import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { parseReference } from '#lib/registry/reference';
import { authorize, decide } from './authorize.ts';
import { matchesRepository, matchProblem } from './match.ts';
import type { Rule, TrustPolicy } from './policy.ts';

function policyOf(...rules: (Partial<Rule> & { match: string })[]): TrustPolicy {
  return {
    source: 'policy.yaml',
    rules: rules.map((rule) => ({ require: [], unsigned: true, ...rule })),
    revision: '',
  };
}

const name = fc
  .array(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'));

describe('a match', () => {
  for (const [glob, inside, outside] of [
    [
      'registry.example.com/security/**',
      ['registry.example.com/security/a', 'registry.example.com/security/a/b/c'],
      [
        'registry.example.com/security',
        'registry.example.com/securityx/a',
        'registry.example.com/other/security/a',
        'registry.example.com.evil.org/security/a',
        'registry.example.com:5000/security/a',
        'registry-example.com/security/a',
        'registryxexample.com/security/a',
        'evil.org/registry.example.com/security/a',
        'registry.example.com/Security/a',
        'registry.example.com/security/../a',
        'registry.example.com/security/./a',
        'xregistry.example.com/security/a',
      ],
    ],
    ['a.b/x/*', ['a.b/x/y'], ['a.b/x', 'a.b/x/y/z', 'a.b/xx/y']],
    ['a.b/x-*/y', ['a.b/x-1/y', 'a.b/x-a.b/y'], ['a.b/x-1/z/y', 'a.b/x/y', 'a.b/x-1']],
    ['a.b/**/y', ['a.b/y', 'a.b/x/y', 'a.b/x/x/y'], ['a.b/xy', 'a.b/y/x', 'a.b.c/y']],
    ['a.b/y', ['a.b/y'], ['a.b/y/z', 'a.b/yy', 'a.bb/y', 'aXb/y']],
    [
      '*.example.com/p/**',
      ['a.example.com/p/x', 'a.b.example.com/p/x'],
      ['example.com/p/x', 'a.example.com.evil/p/x', 'evil/a.example.com/p/x'],
    ],
    [
      '*.example.com:*/p/**',
      ['a.example.com:1/p/x', 'a.b.example.com:65535/p/x'],
      ['a.example.com/p/x', 'example.com:1/p/x', 'a.example.com.evil:1/p/x'],
    ],
    ['a.b:*/p', ['a.b:5000/p'], ['a.b/p', 'a.b.c:5000/p', 'x.a.b:5000/p']],
    ['*.0.0.1/p', ['127.0.0.1/p', '10.0.0.1/p', '127.1/p'], ['127.0.0.2/p', '127.0.0.1:5000/p']],
    ['*/p', ['a.b/p', 'c:5/p'], ['a.b/q/p', 'a.b/p/q']],
    ['**', ['a.b/c', 'a.b/c/d'], []],
    ['[::1]:5000/dev/**', ['[::1]:5000/dev/a'], ['[::1]/dev/a', ':5000/dev/a', '1:5000/dev/a']],
    ['localhost:5000/dev/**', ['localhost:5000/dev/a'], ['localhost/dev/a', 'localhost:50000/dev/a']],
  ] as const) {
    it(`${glob} matches its repositories and no others`, () => {
      assert.equal(matchProblem(glob), undefined);
      const test = (repository: string) => matchesRepository(glob, repository);
      for (const repository of inside) assert.equal(test(repository), true, repository);
      for (const repository of outside) assert.equal(test(repository), false, repository);
    });
  }

  it('never matches another host than the one it names', () => {
    const host = fc.stringMatching(/^[a-z0-9.:-]{1,24}$/);
    const test = (repository: string) => matchesRepository('registry.example.com/security/**', repository);
    fc.assert(
      fc.property(host, name, (other, rest) => {
        fc.pre(other !== 'registry.example.com' && !/^:0*443$/.test(other));
        assert.equal(test(`${other}/security/${rest}`), false);
        assert.equal(test(`${other}registry.example.com/security/${rest}`), false);
        assert.equal(test(`registry.example.com${other}/security/${rest}`), false);
        assert.equal(test(`${other}/registry.example.com/security/${rest}`), false);
      }),
    );
  });

  it('matches every spelling of its host', () => {
    for (const [glob, same] of [
      ['registry.example.com/p/**', ['Registry.Example.COM/p/a', 'registry.example.com:443/p/a']],
      ['Registry.example.com:443/p/**', ['registry.example.com/p/a', 'registry.example.com:0443/p/a']],
      ['registry.example.com:5000/p/**', ['REGISTRY.example.com:05000/p/a']],
      ['*.example.com:443/p/**', ['a.example.com/p/a', 'a.example.com:443/p/a']],
      ['*.example.com:05000/p/**', ['a.example.com:5000/p/a', 'A.example.com:05000/p/a']],
      ['*.Example.com/p/**', ['a.example.com/p/a', 'A.B.EXAMPLE.com:443/p/a']],
      ['127.0.0.1:5000/p/**', ['127.1:5000/p/a', '0x7f.0.0.1:5000/p/a', '127.000.0.1:5000/p/a']],
      ['[::1]:5000/p/**', ['[0:0:0:0:0:0:0:1]:5000/p/a']],
      ['[FE80::A]/p/**', ['[fe80::a]/p/a']],
    ] as const) {
      for (const repository of same) {
        assert.ok(parseReference(repository));
        assert.equal(matchesRepository(glob, repository), true, `${glob} ${repository}`);
      }
    }
    for (const repository of [
      'registry.example.com:80/p/a',
      'registry.example.com:/p/a',
      'registry.example.com:1443/p/a',
    ])
      assert.equal(matchesRepository('registry.example.com/p/**', repository), false, repository);
  });

  it('for addresses matches what normalized addresses can end with', () => {
    for (const [glob, example] of [
      ['*.5/p', '1.1.1.5/p'],
      ['*.2.5:80/p', '1.1.2.5:80/p'],
      ['*.1.2.5/p', '1.1.2.5/p'],
      ['*.5.example.com/p', 'a.5.example.com/p'],
    ] as const) {
      assert.equal(matchProblem(glob), undefined, glob);
      assert.equal(matchesRepository(glob, example), true, glob);
    }
    for (const glob of ['*.05/p', '*.0x5/p', '*.999/p', '*.1.1.2.5/p', '*.256.1/p', '127.1:*/p', '[0:0::1]:*/p'])
      assert.match(matchProblem(glob) ?? '', /invalid registry host/, glob);
    assert.equal(matchProblem('[FE80::A]:*/p'), undefined);
  });

  it('without a wildcard matches only the name itself', () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const test = (repository: string) => matchesRepository(`a.b/${one}`, repository);
        assert.equal(test(`a.b/${one}`), true);
        assert.equal(test(`a.b/${other}`), one === other);
      }),
    );
  });

  it('treats all hosts of Docker Hub as one registry', () => {
    const hosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Index.Docker.IO:443'];
    for (const pattern of [...hosts, '*.docker.io'])
      for (const host of hosts)
        assert.equal(matchesRepository(`${pattern}/acme/**`, `${host}/acme/nginx`), true, `${pattern} ${host}`);
    for (const other of ['hub.docker.io', 'docker.io:5000', 'docker.com'])
      assert.equal(matchesRepository('docker.io/acme/**', `${other}/acme/nginx`), false, other);
  });

  it('is valid if and only if it matches a repository that a reference can name', () => {
    const piece = fc.constantFrom(
      'a',
      'b1',
      'registry',
      '.',
      '..',
      '-',
      '--',
      '_',
      '__',
      '___',
      '*',
      '**',
      'A',
      ':',
      '5000',
      '@',
      '[::1]',
    );
    const messy = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''));
    const part = fc.oneof(messy, fc.constantFrom('a', '*', '**', 'a.*', '*-b', 'security'));
    const hosts = [
      '*',
      '**',
      'a.b',
      '*.a.b',
      'a.b:5000',
      '*:*',
      '*.a:*',
      'localhost',
      'docker.io',
      '[::1]:5000',
      '[::1]:*',
    ];
    const host = fc.oneof({ arbitrary: messy, weight: 1 }, { arbitrary: fc.constantFrom(...hosts, 'host'), weight: 3 });
    const pattern = fc.tuple(host, fc.array(part, { maxLength: 4 })).map(([first, rest]) => [first, ...rest].join('/'));
    const filling = fc.constantFrom('a', 'a.b', 'x/y', 'z-1', '5000', 'a.b:5000/c', '0');
    let good = 0;
    fc.assert(
      fc.property(pattern, fc.infiniteStream(filling), (glob, fillings) => {
        if (matchProblem(glob) === undefined) {
          good++;
          const name = exampleOf(glob);
          assert.ok(parseReference(name));
          assert.equal(matchesRepository(glob, name), true, `${glob} does not match ${name}`);
          return;
        }
        // Refused though they would match: stars that reach beyond a segment, or beyond a domain.
        if (/\*\*(?!\/|$)|(?<!^|\/)\*\*/.test(glob) || /^[^/]*\*/.test(glob)) return;
        // Whatever its stars stand for: what it then names is no repository, or it stands for
        // something else.
        const text = glob.replace(/\*+/g, () => String(fillings.next().value));
        assert.equal(isReference(text) && matchesRepository(glob, text), false, `${glob} matches ${text}`);
      }),
      { numRuns: 3000 },
    );
    assert.ok(good > 100, `only ${good} without a problem`);
  });

  it('matches a long name against many wildcards quickly', () => {
    const test = (repository: string) => matchesRepository(`a.b/**/${'x*/**/'.repeat(20)}y`, repository);
    const start = performance.now();
    assert.equal(test(`a.b/${'x/'.repeat(120)}z`), false);
    assert.ok(performance.now() - start < 1000);
  });
});

/** A repository that a pattern is for: its stars stand for something short. */
function exampleOf(glob: string): string {
  const [first = '', ...rest] = glob.split('/');
  const registry =
    first === '**' || first === '*'
      ? 'a.b'
      : first
          .replace(/^\*:\*$/, 'a:1')
          .replace(/^\*:/, 'a:')
          .replace(/^\*\./, 'a.')
          .replace(/:\*$/, ':1');
  const path = rest.map((segment) => segment.replaceAll('**', 'a').replaceAll('*', 'a'));
  return [registry, ...(path.length === 0 ? ['c'] : path)].join('/');
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).tag === undefined;
  } catch {
    return false;
  }
}

describe('authorize', () => {
  const reference = parseReference('registry.example.com/security/nginx:v1');

  it('uses the first rule that matches repository and kind', () => {
    const policy = policyOf(
      { match: 'other.example.com/**' },
      { match: 'registry.example.com/**', kinds: ['AppArmor'] },
      { match: 'registry.example.com/security/*' },
      { match: '**' },
    );
    assert.equal(authorize(policy, reference, 'Seccomp'), policy.rules[2]);
    assert.equal(authorize(policy, reference, 'AppArmor'), policy.rules[1]);
    assert.deepEqual(
      decide(policy, reference, 'Seccomp').steps.map(({ outcome }) => outcome),
      ['other repository', 'other kind', 'matches'],
    );
  });

  it('does not reach a wider rule by another spelling of the host', () => {
    const strict = { match: 'registry.example.com/prod/**', unsigned: false };
    const policy = policyOf(strict, { match: '*/**' });
    for (const host of ['registry.example.com', 'REGISTRY.example.com', 'registry.example.com:443'])
      assert.equal(authorize(policy, parseReference(`${host}/prod/nginx:1`), 'Seccomp').match, strict.match, host);
    const hub = policyOf({ match: 'docker.io/acme/**', unsigned: false }, { match: '*/**' });
    for (const host of ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry-1.docker.io:443'])
      assert.equal(authorize(hub, parseReference(`${host}/acme/nginx:1`), 'Seccomp').match, 'docker.io/acme/**', host);
  });

  it('applies a rule with kinds to nothing else', () => {
    const policy = policyOf({ match: 'registry.example.com/**', kinds: ['AppArmor', 'Seccomp'] });
    assert.throws(() => authorize(policy, reference), { kind: 'NotAllowed', message: /does not allow artifacts from/ });
    const both = policyOf({ match: '**', kinds: ['Seccomp'] }, { match: 'registry.example.com/**' });
    assert.equal(authorize(both, reference), both.rules[1]);
  });

  it('uses only the repository, not the tag or digest', () => {
    const policy = policyOf({ match: 'registry.example.com/security/nginx' });
    const pinned = parseReference(`registry.example.com/security/nginx@sha256:${'0'.repeat(64)}`);
    assert.equal(authorize(policy, pinned, 'Seccomp'), policy.rules[0]);
  });

  it('allows the mode log only if the rule that decides does', () => {
    const log = { match: 'registry.example.com/**', log: true } as const;
    const policy = policyOf({ match: 'registry.example.com/prod/**', position: '4:5' }, log);
    assert.equal(authorize(policy, reference, 'Seccomp', 'Log'), policy.rules[1]);
    const prod = parseReference('registry.example.com/prod/nginx:v1');
    assert.equal(authorize(policy, prod, 'Seccomp'), policy.rules[0]);
    assert.throws(() => authorize(policy, prod, 'Seccomp', 'Log'), {
      kind: 'NotAllowed',
      message:
        'policy.yaml does not allow mode=log for registry.example.com/prod/nginx: rule registry.example.com/prod/** (line 4) has no "log: true"',
      hint: 'Remove mode=log, so that the profile is enforced, or add "log: true" to the rule in policy.yaml.',
    });
    const inObject = policyOf({ match: '**', position: 'spec.rules[0]' });
    assert.throws(() => authorize(inObject, prod, 'Seccomp', 'Log'), {
      message: /: rule \*\* \(spec\.rules\[0\]\) has/,
    });
    assert.throws(() => authorize(policyOf(), reference, 'Seccomp', 'Log'), { message: /it has no rules/ });
  });

  it('tells to create a policy that does not exist', () => {
    const source = 'policy.yaml (which does not exist)';
    assert.throws(() => authorize({ ...policyOf(), source, missing: true }, reference, 'Seccomp'), {
      hint: 'To allow them, create policy.yaml with a rule whose match covers registry.example.com/security/nginx, with the key to require.',
    });
  });

  it('tells to add the kind to the first rule that covers only other kinds, with its position', () => {
    const other = { match: 'registry.example.com/**', kinds: ['AppArmor'] } as const;
    const refused = (position: string | undefined) => () =>
      authorize(policyOf({ match: 'a.b/**' }, { ...other, ...(position && { position }) }), reference, 'Seccomp');
    const message =
      'policy.yaml does not allow Seccomp profiles from registry.example.com/security/nginx: rule registry.example.com/** applies to other kinds';
    const hint = 'To allow them, add Seccomp to kinds of this rule';
    assert.throws(refused('4:5'), { kind: 'NotAllowed', message, hint: `${hint} (line 4) in policy.yaml.` });
    assert.throws(refused('spec.rules[1]'), { message, hint: `${hint} (spec.rules[1]) in policy.yaml.` });
    assert.throws(refused(undefined), { message, hint: `${hint} in policy.yaml.` });
  });

  for (const [policy, reason] of [
    [
      policyOf(),
      /policy\.yaml does not allow Seccomp profiles from registry\.example\.com\/security\/nginx: it has no rules/,
    ],
    [policyOf({ match: 'a.b/**' }), /its only rule does not match/],
    [policyOf({ match: 'a.b/**' }, { match: 'a.c/**' }), /none of its 2 rules matches/],
  ] as const) {
    it(`denies by default: ${reason.source.slice(-24)}`, () => {
      assert.throws(
        () => authorize(policy, reference, 'Seccomp'),
        (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, 'NotAllowed');
          assert.match(error.message, reason);
          assert.match(error.hint ?? '', /add a rule/);
          return true;
        },
      );
    });
  }
});
