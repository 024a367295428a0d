import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Members } from './members.ts';

describe('Members', () => {
  it('finds few and many members by name, and gives them in their order', () => {
    const members = new Members();
    for (let count = 1; count <= 40; count += 1) {
      members.add(`m${count}`, count, { type: 'null', at: count + 100 });
      assert.equal(members.size, count);
      for (let known = 1; known <= 40; known += 1) {
        assert.equal(members.has(`m${known}`), known <= count);
        assert.equal(members.get(`m${known}`)?.value.at, known <= count ? known + 100 : undefined);
      }
    }
    const names = [...members].map(([name, { keyAt }]) => `${name} ${keyAt}`);
    assert.deepEqual(
      names,
      Array.from({ length: 40 }, (_, index) => `m${index + 1} ${index + 1}`),
    );
  });
});
