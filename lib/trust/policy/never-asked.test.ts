import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseReference, type Reference } from '#lib/registry/reference';
import { decide } from './authorize.ts';
import { matchProblem } from './match.ts';
import { coverage } from './match-coverage.ts';
import { shadowsOf } from './never-asked.ts';
import type { Rule, TrustPolicy } from './policy.ts';

type Kinds = NonNullable<Rule['kinds']>;

function rulesOf(...matches: (string | [match: string, ...kinds: Kinds])[]): Rule[] {
  return matches.map((given): Rule => {
    const [match, ...kinds] = typeof given === 'string' ? [given] : given;
    assert.equal(matchProblem(match), undefined, match);
    return { match, ...(kinds.length === 0 ? {} : { kinds }), require: [], unsigned: true };
  });
}

function policyOf(rules: readonly Rule[]): TrustPolicy {
  return { source: 'p', rules, revision: '' };
}

/** Returns the matches of the rules because of which the last one never applies. */
function shadow(...matches: Parameters<typeof rulesOf>): readonly string[] | string | undefined {
  const found = shadowsOf(rulesOf(...matches)).at(-1);
  return Array.isArray(found) ? found.map(({ match }: Rule) => match) : (found as string | undefined);
}

describe('a rule is never asked', () => {
  for (const [title, earlier, last] of [
    ['after the same', ['a.b/x/*'], 'a.b/x/*'],
    ['after everything', ['**'], 'a.b/x'],
    ['after every registry', ['*/**'], '**'],
    ['after one whose ** covers it', ['a.b/**'], 'a.b/x/*/y'],
    ['after one whose * covers it', ['a.b/*/y'], 'a.b/x-*/y'],
    ['after one whose * covers a part of a segment', ['a.b/x*'], 'a.b/x-1*'],
    ['after ** in the middle', ['a.b/**/y'], 'a.b/*/x/y'],
    ['after ** at the beginning', ['**/x/**'], 'a.b/*/x/y'],
    ['after ** before what is a registry', ['**/a.b/**'], 'a.b/x'],
    ['after a domain', ['*.example.com/**'], 'a.b.example.com/x'],
    ['after a wider domain', ['*.com/x'], '*.example.com/x'],
    ['after a domain on any port', ['*.example.com:*/**'], 'a.example.com:5000/x'],
    ['after any port', ['a.b:*/x'], 'a.b:5000/x'],
    ['after another spelling of the host', ['A.b:443/x'], 'a.b/x'],
    ['after another spelling of the address', ['127.1:5000/x'], '127.0.0.1:05000/x'],
    ['after another name of Docker Hub', ['registry-1.docker.io/x'], 'index.docker.io/x'],
    ['after all names of Docker Hub', ['*.docker.io/**'], 'docker.io/x'],
    ['after two that cover it together', ['a.b/*', 'a.b/*/**'], 'a.b/**'],
    ['after hosts with and without ports', ['*.example.com/**', '*.example.com:*/**'], '**/example.com/x', false],
    ['after every beginning', [...'abcdefghijklmnopqrstuvwxyz0123456789'].map((c) => `a.b/${c}*`), 'a.b/*'],
    ['but with one beginning left', [...'bcdefghijklmnopqrstuvwxyz0123456789'].map((c) => `a.b/${c}*`), 'a.b/*', false],
    ['but after part of it', ['a.b/x/**'], 'a.b/**', false],
    ['but where ** wants a segment more', ['a.b/x/**'], 'a.b/x', false],
    ['but on another port', ['a.b/**', 'a.b:5000/**'], 'a.b:*/x', false],
    ['but without a port', ['a.b:*/x'], 'a.b/x', false],
    ['but on the domain itself', ['*.example.com/**'], 'example.com/x', false],
    ['but on other hosts of that domain', ['docker.io/**'], '*.docker.io/x', false],
    ['but on another port of Docker Hub', ['docker.io/**'], 'index.docker.io:5000/x', false],
    ['but where one segment is too many', ['a.b/*'], 'a.b/*/*', false],
    ['but on addresses', ['*.1/x', '[::1]/x'], '*.0.0.2/x', false],
    ['but on other addresses', ['127.0.0.1/x'], '*.0.0.1/x', false],
    ['but on an address of version 6', ['*.b/x', '*.b:*/x'], '[::1]:5000/x', false],
  ] as [string, string[], string, boolean?][]) {
    it(title, () => {
      const found = shadow(...earlier, last);
      assert.deepEqual(found, title.startsWith('but') || title.startsWith('after hosts') ? undefined : earlier);
    });
  }

  it('names only the rules that are needed', () => {
    assert.deepEqual(shadow('a.b/a*', 'c.d/**', 'a.b/**', '**', 'a.b/*'), ['a.b/**']);
    assert.deepEqual(shadow('a.b/a*', 'a.b/*', 'c.d/*', 'a.b/*/**', 'a.b/**'), ['a.b/*', 'a.b/*/**']);
  });

  it('considers the kinds that rules name, and content without a kind', () => {
    assert.deepEqual(shadow(['a.b/*', 'Seccomp', 'AppArmor'], ['a.b/x', 'AppArmor']), ['a.b/*']);
    assert.deepEqual(shadow(['a.b/x', 'Seccomp'], ['a.b/*', 'AppArmor'], ['a.b/x', 'AppArmor', 'Seccomp']), [
      'a.b/x',
      'a.b/*',
    ]);
    assert.equal(shadow(['a.b/*', 'Seccomp'], ['a.b/x', 'AppArmor']), undefined);
    assert.equal(shadow(['a.b/*', 'Seccomp', 'AppArmor'], 'a.b/x'), undefined);
    assert.deepEqual(shadow('a.b/*', ['a.b/x', 'AppArmor']), ['a.b/*']);
  });

  it('is undecided once the budget is used up, and not before', () => {
    const rules = rulesOf('a.b/*', 'a.b/*', '*.b/a/b*', '*.b/a/b*c*', 'c.d/x');
    const one = rules.slice(0, 1);
    assert.deepEqual(shadowsOf(rules), [undefined, one, undefined, [rules[2]], undefined]);
    assert.deepEqual(shadowsOf(rules, { positions: 60 }), [undefined, one, undefined, 'undecided', undefined]);
  });
});

/** Yields references of all hosts with all paths of up to three segments, over few characters. */
function* references(): Generator<Reference> {
  const hosts = ['a.b', 'a.a.b', 'localhost', 'docker.io', 'index.docker.io', '127.0.0.1', '[::1]', 'a', '1'];
  const ports = ['', ':1', ':443'];
  const segments = ['a', 'b', 'ab', 'ba', 'a-b', 'a.b', '1', 'docker.io'];
  const paths = segments.flatMap((one) => [
    one,
    ...segments.flatMap((two) => [`${one}/${two}`, ...segments.slice(0, 2).map((three) => `${one}/${two}/${three}`)]),
  ]);
  for (const host of hosts)
    for (const port of ports) {
      if (/^[a1]$/.test(host) && port === '') continue;
      for (const path of paths) yield parseReference(`${host}${port}/${path}`);
    }
}

const host = fc.constantFrom(
  ...['**', '*', '*.b', '*.a.b', 'a.b', 'A.b', 'a.a.b', 'b.b', 'localhost', 'docker.io', 'index.docker.io', '*.io'],
  ...[
    '*.docker.io',
    '127.0.0.1',
    '127.1',
    '*.0.0.1',
    '*.1',
    '[::1]',
    '*:1',
    '*:*',
    'a.b:*',
    'a.b:1',
    '*.b:*',
    '*.b:443',
  ],
);
const segment = fc.constantFrom(
  ...['**', '*', 'a', 'b', 'a*', '*a', 'a*b', '*-*', 'a-*', '*.*', 'docker.io', 'a.b', '1*', '*1'],
);
const match = fc
  .tuple(host, fc.array(segment, { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest].join('/'))
  .filter((text) => matchProblem(text) === undefined);
const kinds: fc.Arbitrary<Kinds | undefined> = fc.constantFrom(undefined, undefined, ['Seccomp'], ['AppArmor']);

describe('coverage of patterns and enumerated references agree', () => {
  const all = [...references()];
  const deciding = (rules: readonly Rule[]) => {
    const policy = policyOf(rules);
    const asked = new Set<Rule | undefined>();
    for (const reference of all)
      for (const kind of ['Seccomp', 'AppArmor', undefined] as const) asked.add(decide(policy, reference, kind).rule);
    return asked;
  };

  it('never reports a rule that decides about one of them', () => {
    const rule = fc.tuple(match, kinds).map(([text, k]): string | [string, ...Kinds] => (k ? [text, ...k] : text));
    fc.assert(
      fc.property(fc.array(rule, { minLength: 2, maxLength: 5 }), (given) => {
        const rules = rulesOf(...given);
        const shadows = shadowsOf(rules);
        assert.equal(shadows.includes('undecided'), false);
        if (shadows.every((found) => found === undefined)) return;
        const asked = deciding(rules);
        for (const [index, found] of shadows.entries()) {
          if (found !== undefined) assert.equal(asked.has(rules[index]), false, `${rules[index]?.match} is asked`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has an example for each rule that it does not report', () => {
    fc.assert(
      fc.property(match, fc.array(match, { maxLength: 6 }), (last, earlier) => {
        const found = coverage(last, earlier, { positions: 100_000 });
        assert.notEqual(found, 'undecided');
        if (typeof found === 'string') return;
        // A host without a dot has a port, be it that of https, which its one name leaves out.
        const [registry = '', ...path] = found.repository.split('/');
        const written = /[.:]|^localhost$/.test(registry) ? registry : `${registry}:443`;
        const reference = parseReference([written, ...path].join('/'));
        const rules = rulesOf(...earlier, last);
        assert.equal(decide(policyOf(rules), reference).rule, rules.at(-1), found.repository);
      }),
      { numRuns: 1000 },
    );
  });
});
