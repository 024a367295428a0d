import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { registryName, registryNames } from '#lib/registry/registry-name';
import { matchesPaths, matchesRepository, repositoryPaths } from './match.ts';

/** Whether segments match those of a pattern, by trying all that `**` can stand for. */
function matchesNaively(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  const [segment, ...others] = path;
  if (first === undefined) return segment === undefined;
  if (first === '**') return matchesNaively(rest, path) || (segment !== undefined && matchesNaively(pattern, others));
  if (segment === undefined) return false;
  return (
    new RegExp(`^${first.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(segment) && matchesNaively(rest, others)
  );
}

const segment = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 });
const host = fc.constantFrom('a.b', 'docker.io', 'index.docker.io', 'c.d:5000');
const repository = fc.tuple(host, fc.array(segment, { minLength: 1, maxLength: 6 }));
const wildcards = fc.oneof(
  { weight: 2, arbitrary: fc.constant('**') },
  fc
    .string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 4 })
    .filter((text) => !text.includes('**')),
);
const hosts = fc.oneof(host, fc.constantFrom('**', '*', '*.b', '*.docker.io', 'c.d:*'));
const glob = fc.tuple(hosts, fc.array(wildcards, { minLength: 1, maxLength: 6 }));

it('matches as if all that wildcards can stand for was tried', () => {
  let matched = 0;
  fc.assert(
    fc.property(glob, repository, ([first, rest], [registry, path]) => {
      const [pattern, text] = [[first, ...rest].join('/'), [registry, ...path].join('/')];
      const segments = [registryName(first), ...rest];
      if (segments.at(-1) === '**') segments.splice(-1, 0, '*');
      const expected = registryNames(registry).some((name) => matchesNaively(segments, [name, ...path]));
      assert.equal(matchesRepository(pattern, text), expected);
      if (expected) matched += 1;
      // With any budget the same, or the budget is used up.
      const budget = { steps: 10 };
      const within = matchesPaths(pattern, repositoryPaths(text), budget);
      if (budget.steps >= 0) assert.equal(within, expected);
    }),
    { numRuns: 5000 },
  );
  assert.ok(matched > 500, `${matched}`);
});
