import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { syscallOfNumber } from './syscall-of-number.ts';

describe('syscallOfNumber', () => {
  it('returns the names of the architecture', () => {
    const calls = [
      ...([
        ['c000003e', 59, 'execve'],
        ['c000003e', 90, 'chmod'],
        ['c000003e', 451, 'cachestat'],
      ] as const),
      ...([
        ['40000003', 11, 'execve'],
        ['40000003', 102, 'socketcall'],
        ['40000003', 403, 'clock_gettime64'],
      ] as const),
      ...([
        ['c00000b7', 221, 'execve'],
        ['c00000b7', 53, 'fchmodat'],
        ['c00000b7', 265, 'open_by_handle_at'],
      ] as const),
      ...([
        ['c00000b7', 79, 'newfstatat'],
        ['c00000f3', 258, 'riscv_hwprobe'],
        ['c0000102', 469, 'file_setattr'],
      ] as const),
    ] as const;
    for (const [architecture, number, name] of calls) assert.equal(syscallOfNumber(number, architecture), name);
  });

  it('returns the number of what has no name', () => {
    assert.equal(syscallOfNumber(9999, 'c000003e'), '9999 on x86_64');
    assert.equal(syscallOfNumber(403, 'c00000b7'), '403 on aarch64');
    assert.equal(syscallOfNumber(15, '80000016'), '15 on s390x');
    assert.equal(syscallOfNumber(15, 'abc'), '15 on abc');
  });
});
