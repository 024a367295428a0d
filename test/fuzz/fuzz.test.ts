import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '#test/support/cli/run';
import { RetainedMemory } from './retained-memory.ts';

const program = fileURLToPath(new URL('./index.ts', import.meta.url));

describe('npm run fuzz', () => {
  it('tries every fuzzer, for the time that it is given', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [program, '6']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const name of ['readers', 'seccomp', 'apparmor', 'selinux', 'cri']) {
      assert.match(stdout, new RegExp(`^${name}: .*[1-9][0-9]* inputs`, 'm'));
    }
    assert.match(stdout, /^seccomp-merge: (?:intersection: .*[1-9][0-9]* pairs|skipped: missing test peers)/m);
  });

  it('wants a number of seconds', async () => {
    assert.equal((await run(process.execPath, [program, 'soon'])).code, 2);
  });
});

describe('the memory of a fuzzer', () => {
  /** Runs through many inputs, each of which makes garbage, and leaves something behind or not. */
  const after = (inputs: number, leave: (input: number) => void) => {
    const memory = new RetainedMemory(0);
    for (let input = 0; input < inputs; input += 1) {
      memory.beforeInput();
      JSON.parse(`[${input}, ${'{"a": []}, '.repeat(50)}0]`);
      leave(input);
    }
    return memory.check(1);
  };

  it('may be used, and must not stay', () => {
    assert.ok(after(100_000, () => {}) < 1);
    const kept = new Map<number, object>();
    assert.throws(
      () => after(100_000, (input) => kept.set(input, [input])),
      /^AssertionError.*seed 1: [0-9.]+ MiB of memory stayed/,
    );
    assert.equal(kept.size, 100_000);
    const buffers: Buffer[] = [];
    assert.throws(
      () => after(1_000, () => buffers.push(Buffer.alloc(16_384))),
      /^AssertionError.*seed 1: [0-9.]+ MiB of memory stayed/,
    );
    assert.equal(buffers.length, 1_000);
  });
});
