import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionOf, readFilter, runFilter, seccompData } from './bpf.ts';

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

function filterOf(instructions: readonly Instruction[]) {
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [at, [code, whenTrue, whenFalse, operand]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * at);
    bytes.writeUInt8(whenTrue, 8 * at + 2);
    bytes.writeUInt8(whenFalse, 8 * at + 3);
    bytes.writeUInt32LE(operand, 8 * at + 4);
  }
  return readFilter(bytes);
}

const [load, and, jump, equal, greater, atLeast, anyBit, end] = [0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06];

describe('a filter', () => {
  it('is run on the number, the architecture and both halves of the arguments', () => {
    const value = 0x8000_0001_ffff_fffen;
    const data = seccompData(0xc000_003e, 0x4000_0007, [1n, 2n, 3n, 4n, 5n, value]);
    const wordAt = (offset: number) => {
      // A word cannot be returned, so that it is compared bit by bit.
      let word = 0;
      for (let bit = 0; bit < 32; bit += 1) {
        const isSet = filterOf([
          [load, 0, 0, offset],
          [anyBit, 0, 1, (1 << bit) >>> 0],
          [end, 0, 0, 1],
          [end, 0, 0, 0],
        ]);
        word += runFilter(isSet, data) * 2 ** bit;
      }
      return word;
    };
    assert.equal(wordAt(0), 0x4000_0007);
    assert.equal(wordAt(4), 0xc000_003e);
    assert.deepEqual([16, 20, 24].map(wordAt), [1, 0, 2]);
    assert.deepEqual([56, 60].map(wordAt), [0xffff_fffe, 0x8000_0001]);
  });

  it('compares without sign, and goes on after the instruction by as many as it says', () => {
    const compared = (code: number, operand: number, value: bigint) =>
      runFilter(
        filterOf([
          [load, 0, 0, 16],
          [code, 1, 0, operand],
          [end, 0, 0, 0],
          [end, 0, 0, 1],
        ]),
        seccompData(0, 0, [value]),
      );
    const high = 0x8000_0000;
    for (const [code, results] of [
      [equal, [0, 1, 0]],
      [greater, [0, 0, 1]],
      [atLeast, [0, 1, 1]],
    ] as const) {
      assert.deepEqual(
        [0x7fff_ffffn, 0x8000_0000n, 0x8000_0001n].map((value) => compared(code, high, value)),
        results,
      );
    }
    assert.deepEqual(
      [1n, 6n, 8n].map((value) => compared(anyBit, 6, value)),
      [0, 1, 0],
    );
  });

  it('masks and jumps', () => {
    const filter = filterOf([
      [load, 0, 0, 16],
      [and, 0, 0, 0xf000_0000],
      [jump, 0, 0, 1],
      [end, 0, 0, 9],
      [equal, 0, 1, 0xf000_0000],
      [end, 0, 0, 1],
      [end, 0, 0, 0],
    ]);
    assert.equal(runFilter(filter, seccompData(0, 0, [0xf123_4567n])), 1);
    assert.equal(runFilter(filter, seccompData(0, 0, [0x7123_4567n])), 0);
  });

  it('is refused if it is invalid', () => {
    const data = seccompData(0, 0, []);
    assert.throws(() => readFilter(Buffer.alloc(12)), /not a filter: 12 bytes/);
    assert.throws(() => readFilter(Buffer.alloc(0)), /not a filter: 0 bytes/);
    assert.throws(() => runFilter(filterOf([[load, 0, 0, 0]]), data), /no end/);
    assert.throws(() => runFilter(filterOf([[load, 0, 0, 64]]), data), /offset 64/);
    assert.throws(() => runFilter(filterOf([[0x01, 0, 0, 0]]), data), /unknown instruction 1 at 0/);
  });

  it('ends with an action', () => {
    assert.equal(actionOf(0), 'SCMP_ACT_KILL_THREAD');
    assert.equal(actionOf(0x8000_0000), 'SCMP_ACT_KILL_PROCESS');
    assert.equal(actionOf(0x0005_0000 + 4_094), 'SCMP_ACT_ERRNO 4094');
    assert.equal(actionOf(0x7ff0_ffff), 'SCMP_ACT_TRACE 65535');
    assert.deepEqual([0x0003_0000, 0x7fc0_0000, 0x7ffc_0000, 0x7fff_0000].map(actionOf), [
      'SCMP_ACT_TRAP',
      'SCMP_ACT_NOTIFY',
      'SCMP_ACT_LOG',
      'SCMP_ACT_ALLOW',
    ]);
    assert.throws(() => actionOf(0x0006_0000), /unknown action 0x60000/);
  });
});
