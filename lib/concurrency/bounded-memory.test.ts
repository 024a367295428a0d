import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BoundedMemory } from './bounded-memory.ts';

describe('a bounded memory', () => {
  it('holds what was used last, and never more than its bytes', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      size: fc.nat(120),
      ask: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const limit = 100;
        const memory = new BoundedMemory<{ readonly size: number }>(limit, ({ size }) => size);
        let expected: [string, { readonly size: number }][] = [];
        for (const { name, size, ask } of steps) {
          const known = expected.find(([other]) => other === name);
          if (ask) {
            assert.equal(memory.recall(name), known?.[1]);
            if (known !== undefined) expected = [...expected.filter((other) => other !== known), known];
            continue;
          }
          const value = { size };
          memory.remember(name, value);
          expected = expected.filter((other) => other !== known);
          if (size > limit) continue;
          expected.push([name, value]);
          while (expected.reduce((sum, [, each]) => sum + each.size, 0) > limit) expected.shift();
        }
        for (const [name, value] of expected) assert.equal(memory.recall(name), value);
        const held = ['a', 'b', 'c', 'd', 'e', 'f'].filter((name) => memory.recall(name) !== undefined);
        assert.equal(held.length, expected.length);
      }),
    );
  });
});
