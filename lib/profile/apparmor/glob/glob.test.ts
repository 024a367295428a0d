import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { globText, nameLike, pathName } from '#test/oracle/apparmor-arbitrary';
import { globMatches } from '#test/oracle/apparmor-glob';
import { matchesName, meet } from './automaton.ts';
import { fullBudget } from './budget.ts';
import { isCovered } from './cover.ts';
import type { Glob } from './glob.ts';
import { intersectGlobs } from './intersect-globs.ts';
import { parseGlob } from './parse-glob.ts';

const runs = { numRuns: 2000 };
const budget = () => ({ left: fullBudget });

function glob(text: string): Glob {
  const parsed = parseGlob(text);
  if ('fault' in parsed) throw new Error(`${text}: ${parsed.fault}`);
  return parsed;
}

const fill = fc.constantFrom('a', 'b', '', '/', 'c', 'ab', 'a/b');
const globAndName = globText.chain((text) => fc.tuple(fc.constant(text), fc.oneof(pathName, nameLike(text, fill))));
const twoAndName = fc
  .tuple(globText, globText)
  .chain(([a, b]) =>
    fc.tuple(fc.constant(a), fc.constant(b), fc.oneof(pathName, nameLike(a, fill), nameLike(b, fill))),
  );

describe('AppArmor globs', () => {
  it('match as the man page says', () => {
    const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ['/tmp/*', ['/tmp/a', '/tmp/.b'], ['/tmp/', '/tmp/a/b', '/tmp/a/']],
      ['/tmp/*/', ['/tmp/a/'], ['/tmp/', '/tmp/a', '/tmp/a/b/']],
      ['/tmp/**', ['/tmp/a', '/tmp/a/', '/tmp/a/b'], ['/tmp/', '/tmp']],
      ['/tmp/**/', ['/tmp/a/', '/tmp/a/b/'], ['/tmp/', '/tmp/a']],
      ['/etc/*.conf', ['/etc/a.conf', '/etc/.conf'], ['/etc/a/b.conf']],
      ['/a?c', ['/abc'], ['/a/c', '/ac', '/aéc']],
      ['/a??c', ['/aéc'], ['/abc']],
      ['/a[b-d]', ['/ab', '/ad'], ['/ae', '/a']],
      ['/a[^b]', ['/ac', '/a/'], ['/ab', '/aé']],
      ['/{a,b{c,d}}', ['/a', '/bc', '/bd'], ['/b', '/c']],
      ['/etc/{a,*}', ['/etc/', '/etc/a', '/etc/x'], ['/etc/x/y']],
      ['/etc/{x/*,y}', ['/etc/x/', '/etc/x/a', '/etc/y'], ['/etc/x']],
      ['/a\\*', ['/a*'], ['/ab']],
      ['/a,b', ['/a,b'], []],
      ['@{PROC}/@{pid}/maps', ['/proc/1/maps', '/proc/4999999/maps'], ['/proc/0/maps', '/proc/5000000/maps']],
      ['@{HOME}/.x', ['/root/.x', '/home/me/.x'], ['/home/.x', '/home/a/b/.x']],
      ['@{run}/x', ['/run/x', '/var/run/x'], ['/var/x']],
    ];
    for (const [text, yes, no] of table) {
      for (const name of yes) assert.ok(matchesName(glob(text), name), `${text} matches ${name}`);
      for (const name of no) assert.ok(!matchesName(glob(text), name), `${text} does not match ${name}`);
    }
  });

  it('refuse what apparmor_parser refuses, changes silently, or could take for the end of a rule', () => {
    const faults: readonly (readonly [string, RegExp])[] = [
      ['', /empty/],
      ['etc', /absolute/],
      ['/a"b', /double quote/],
      ['/a\nb', /control character U\+000A/],
      ['/a\u0000b', /U\+0000/],
      ['/a\u202eb', /U\+202E/],
      ['/é', /ASCII/],
      ['/a//b', /"\/\/"/],
      ['/a/../b', /component/],
      ['/a/.', /component/],
      ['/{a}', /two branches/],
      ['/{a', /without its "}"/],
      ['/a}', /without its "{"/],
      ['/[a', /without its "]"/],
      ['/a]', /without its "\["/],
      ['/[]', /no character/],
      ['/[^]', /no character/],
      ['/[!a]', /"\^"/],
      ['/[a*]', /not allowed in a class/],
      ['/[z-a]', /not a range/],
      ['/[a-Z]', /not a range/],
      ['/[a-]', /not a range|first character/],
      ['/a\\', /escapes nothing/],
      ['/a\\n', /must not escape/],
      ['/a\\\\', /backslash as a character/],
      ['/@{secret}/x', /unknown variable/],
      ['/a@{pid', /unknown variable/],
      ['/a@@{pid}/b', /"@" and "\\" must not stand before @\{pid\}/],
      ['/a\\@{multiarch}/b', /must not stand before @\{multiarch\}/],
      ['/x@{PROC}/a', /begin the path/],
      ['@{PROC}x', /begin the path/],
      ['ptrace (read),', /absolute/],
      [`/${'{a,'.repeat(20)}b${'}'.repeat(20)}`, /nested deeper/],
      [`/${'?'.repeat(200)}`, /wildcards/],
      [`/{${'a,'.repeat(300)}b}`, /branches/],
      [`/${'a'.repeat(5000)}`, /longer/],
    ];
    for (const [text, pattern] of faults) {
      const parsed = parseGlob(text);
      assert.ok('fault' in parsed, `${JSON.stringify(text)} is refused`);
      assert.match(parsed.fault, pattern);
    }
  });

  it('match what an independent matcher says', () => {
    fc.assert(
      fc.property(globAndName, ([text, name]) => {
        assert.equal(matchesName(glob(text), name), globMatches(text, name));
      }),
      runs,
    );
  });

  it('intersect exactly: a name matches the result if and only if it matches both', () => {
    let told = 0;
    fc.assert(
      fc.property(twoAndName, ([a, b, name]) => {
        const found = intersectGlobs(glob(a), glob(b), budget());
        if (found === undefined) return;
        told += 1;
        const expected = globMatches(a, name) && globMatches(b, name);
        assert.equal(
          found.some(({ expanded }) => globMatches(expanded, name)),
          expected,
          `${a} and ${b} give ${found.map(({ text }) => text).join(' ')}; ${name}`,
        );
      }),
      runs,
    );
    assert.ok(told > runs.numRuns * 0.98, `${told} of ${runs.numRuns} could be said`);
  });

  it('cover and meet only where every name, or some name, is shared', () => {
    fc.assert(
      fc.property(twoAndName, ([a, b, name]) => {
        const inA = globMatches(a, name);
        const inB = globMatches(b, name);
        if (inA && !inB) assert.equal(isCovered(glob(a), [glob(b)], budget()), false);
        if (inA && inB) assert.equal(meet(glob(a), glob(b), budget()), true);
      }),
      runs,
    );
  });

  it('cover and meet as the intersection says', () => {
    fc.assert(
      fc.property(globText, globText, (a, b) => {
        const found = intersectGlobs(glob(a), glob(b), budget());
        if (found === undefined) return;
        if (found.length > 0) assert.equal(meet(glob(a), glob(b), budget()), true, `${a} ${b}`);
        if (isCovered(glob(a), found, budget())) assert.equal(isCovered(glob(a), [glob(b)], budget()), true);
        if (isCovered(glob(a), [glob(b)], budget())) assert.equal(isCovered(glob(a), found, budget()), true);
      }),
      runs,
    );
  });

  it('intersect to what a reader expects', () => {
    const table: readonly (readonly [string, string, readonly string[]])[] = [
      ['/etc/**', '/etc/*.conf', ['/etc/*.conf']],
      ['/etc/a*', '/etc/*.conf', ['/etc/a*.conf']],
      ['/usr/{bin,sbin}/*', '/usr/bin/**', ['/usr/bin/*']],
      ['/a[a-f]', '/a[c-z]', ['/a[c-f]']],
      ['/a[^x]b', '/a[^y]b', ['/a[^xy]b']],
      ['/etc/*', '/etc/*/', []],
      ['/**/x', '/a/**', ['/a/**/x', '/a/x']],
      ['/*', '/{,**}', ['/*']],
    ];
    for (const [a, b, expected] of table) {
      const found = intersectGlobs(glob(a), glob(b), budget())?.map(({ text }) => text);
      assert.deepEqual(found?.sort(), [...expected].sort(), `${a} and ${b}`);
    }
  });

  it('give up where the budget ends, and do not guess', () => {
    const a = glob(`/${'*a'.repeat(20)}*`);
    const b = glob(`/${'*b'.repeat(20)}*`);
    assert.equal(intersectGlobs(a, b, { left: 1000 }), undefined);
    assert.equal(isCovered(glob('/**a?????b*'), [glob('/**a????b**'), glob('/*a*')], { left: 10 }), undefined);
  });
});
