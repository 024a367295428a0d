import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { matchesName } from '#lib/profile/apparmor/glob/automaton';
import { fullBudget } from '#lib/profile/apparmor/glob/budget';
import type { Glob } from '#lib/profile/apparmor/glob/glob';
import { intersectGlobs } from '#lib/profile/apparmor/glob/intersect-globs';
import { parseGlob } from '#lib/profile/apparmor/glob/parse-glob';
import { globText, nameLike, pathName } from '#test/oracle/apparmor-arbitrary';
import { globMatches } from '#test/oracle/apparmor-glob';
import type { CompiledProfile } from '#test/oracle/apparmor-policy';
import { compilePolicy, fileBits } from '#test/oracle/apparmor-policy';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';

function glob(text: string): Glob {
  const parsed = parseGlob(text);
  if ('fault' in parsed) throw new Error(`${text}: ${parsed.fault}`);
  return parsed;
}

/** Some globs take apparmor_parser minutes; with one seed, all runs see the same ones. */
const sampled = (numRuns: number) => ({ numRuns, seed: 20_260_911 });

/** Returns one profile for each list of globs, with read permission on them. */
function compileGlobs(lists: readonly (readonly Glob[])[]): CompiledProfile[] {
  const profiles = lists.map(
    (globs, index) => `profile "p${index}" {\n${globs.map(({ expanded }) => `  "${expanded}" r,\n`).join('')}}\n`,
  );
  const compiled = compilePolicy(peer('apparmor_parser'), profiles.join(''));
  return compiled.sort((a, b) => Number(a.name.slice(1)) - Number(b.name.slice(1)));
}

function reads(profile: CompiledProfile | undefined, name: string): boolean {
  return ((profile?.filePermissions(name) ?? 0) & fileBits.read) !== 0;
}

const fill = fc.constantFrom('a', 'b', '', '/', 'c', 'ab', 'a/b', '.');
const namesFor = (text: string) => [...fc.sample(nameLike(text, fill), 12), ...fc.sample(pathName, 12)];

describePeers(['apparmor_parser'], 'AppArmor globs and the automata that apparmor_parser compiles', () => {
  it('say the same of every name', () => {
    const texts = [
      ...fc.sample(globText, sampled(400)),
      '/[^^]',
      '/[-^!]x',
      '@{PROC}/@{pid}/**',
      '@{HOME}/.cache/{,**}',
      '/x@{uid}',
    ];
    const globs = texts.map(glob);
    const compiled = compileGlobs(globs.map((one) => [one]));
    assert.equal(compiled.length, globs.length);
    let matched = 0;
    for (const [index, one] of globs.entries()) {
      for (const name of namesFor(one.expanded)) {
        const expected = reads(compiled[index], name);
        if (expected) matched += 1;
        assert.equal(matchesName(one, name), expected, `${one.text} and ${name}`);
        assert.equal(globMatches(one.expanded, name), expected, `oracle: ${one.text} and ${name}`);
      }
    }
    assert.ok(matched > 1000, `${matched} names matched`);
  });

  it('agree on what two globs have in common', () => {
    const pairs = fc.sample(fc.tuple(globText, globText), sampled(250));
    const both = pairs.flatMap(([a, b]) => {
      const found = intersectGlobs(glob(a), glob(b), { left: fullBudget });
      return found === undefined ? [] : [{ a, b, found }];
    });
    assert.ok(both.length > 240, `${both.length} intersections could be said`);
    const compiled = compileGlobs(both.flatMap(({ a, b, found }) => [[glob(a)], [glob(b)], found]));
    for (const [index, { a, b, found }] of both.entries()) {
      const [inA, inB, inBoth] = compiled.slice(index * 3, index * 3 + 3);
      for (const name of [...namesFor(a), ...namesFor(b)]) {
        const what = `${a} and ${b} give ${found.map(({ text }) => text).join(' ')}; ${name}`;
        assert.equal(reads(inBoth, name), reads(inA, name) && reads(inB, name), what);
      }
    }
  });
});
