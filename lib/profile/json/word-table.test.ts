import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextHash, WordTable } from './word-table.ts';

const hashOf = (bytes: Uint8Array) => bytes.reduce(nextHash, 0);
const numberOf = (table: WordTable, word: string) => {
  const bytes = Buffer.from(`"${word}"`);
  return table.numberOf(bytes, 1, bytes.length - 1, hashOf(bytes.subarray(1, -1)));
};

describe('WordTable', () => {
  it('gives each word a number once', () => {
    const table = WordTable.of(['names', 'action']);
    assert.deepEqual(
      ['action', 'read', 'names', 'read', '', 'reads', ''].map((word) => numberOf(table, word)),
      [1, 2, 0, 2, 3, 4, 3],
    );
    assert.deepEqual(
      [0, 2, 3].map((number) => table.wordOf(number)),
      ['names', 'read', ''],
    );
  });

  it('keeps the words of a copy to itself', () => {
    const table = WordTable.of(['names']);
    const copy = table.copy();
    assert.deepEqual([numberOf(copy, 'names'), numberOf(copy, 'a'), numberOf(table, 'b')], [0, 1, 1]);
    assert.deepEqual([copy.wordOf(1), table.wordOf(1), numberOf(copy, 'b')], ['a', 'b', 2]);
  });

  it('takes no words beyond 128 bytes, and not more than 5120', () => {
    const table = WordTable.of([]);
    assert.equal(numberOf(table, 'a'.repeat(129)), -1);
    assert.equal(numberOf(table, 'a'.repeat(128)), 0);
    for (let count = 1; count < 5_120; count += 1) assert.equal(numberOf(table, `w${count}`), count);
    assert.equal(numberOf(table, 'more'), -1);
    assert.equal(numberOf(table, 'w5119'), 5_119);
  });

  it('does not look long for words that are chosen to collide', () => {
    const table = WordTable.of([]);
    const slotOf = (word: string) => {
      const hash = hashOf(Buffer.from(word));
      return (hash ^ (hash >>> 15)) & 0x3fff;
    };
    const colliding: string[] = [];
    for (let count = 0; colliding.length < 20; count += 1) if (slotOf(`${count}`) === 0) colliding.push(`${count}`);
    const numbers = colliding.map((word) => numberOf(table, word));
    assert.deepEqual(numbers, [...Array(16).keys(), -1, -1, -1, -1]);
  });
});
