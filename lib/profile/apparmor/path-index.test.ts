import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { globText } from '#test/oracle/apparmor-arbitrary';
import { meet } from './glob/automaton.ts';
import { newBudget } from './glob/budget.ts';
import type { Glob } from './glob/glob.ts';
import { parseGlob } from './glob/parse-glob.ts';
import { PathIndex } from './path-index.ts';

function glob(text: string): Glob {
  const parsed = parseGlob(text);
  if ('fault' in parsed) throw new Error(`${text}: ${parsed.fault}`);
  return parsed;
}

describe('PathIndex', () => {
  it('finds every glob that has a name in common with the given one', () => {
    fc.assert(
      fc.property(fc.array(globText, { maxLength: 40 }), globText, (texts, text) => {
        const globs = texts.map(glob);
        const found = new PathIndex(globs).near(glob(text), newBudget());
        for (const other of globs) {
          if (meet(glob(text), other, newBudget())) assert.ok(found?.includes(other), `${text} and ${other.text}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('leaves out what other components tell apart', () => {
    const texts = Array.from({ length: 1000 }, (_, index) => `/usr/lib/*-linux-gnu*/lib${index}.so*`);
    const index = new PathIndex([...texts, '/usr/**/x', '/usr/lib/a/lib5.so', '/{,usr}/lib5'].map(glob));
    const near = (text: string) => {
      const found = index.near(glob(text), newBudget()) ?? [];
      return found.map((each) => each.text).sort();
    };
    const libraries = (text: string) => near(text).filter((each) => each.includes('linux-gnu'));
    assert.deepEqual(libraries('/usr/lib/*/lib5.so.1'), ['/usr/lib/*-linux-gnu*/lib5.so*']);
    assert.deepEqual(libraries('/usr/lib/a/lib5.so'), ['/usr/lib/*-linux-gnu*/lib5.so*']);
    const seventies = Array.from({ length: 10 }, (_, last) => `/usr/lib/*-linux-gnu*/lib77${last}.so*`);
    assert.deepEqual(libraries('/usr/*/a/lib77?.s*').sort(), ['/usr/lib/*-linux-gnu*/lib77.so*', ...seventies]);
    assert.equal(near('/**').length, 1003);
    assert.deepEqual(near('/opt/x'), []);
  });

  it('gives up where the budget ends', () => {
    const index = new PathIndex(Array.from({ length: 1000 }, (_, at) => glob(`/**${at}`)));
    assert.equal(index.near(glob('/**'), { left: 50 }), undefined);
  });
});
