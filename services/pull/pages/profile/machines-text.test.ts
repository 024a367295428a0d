import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machinesText } from './machines-text.ts';

describe('machinesText', () => {
  it('names machines, each with the programs that it runs beside its own', () => {
    for (const [architectures, expected] of [
      ['X86_64 X86 X32 AARCH64 ARM', 'amd64 with 386 and x32, arm64 with arm'],
      ['X86', '386'],
      ['ARM S390X', 'arm, s390x'],
      ['X86_64 MIPS', 'amd64, mips'],
      ['', 'the node’s own'],
    ] as const) {
      const names = architectures === '' ? [] : architectures.split(' ').map((name) => `SCMP_ARCH_${name}`);
      assert.equal(machinesText(names), expected);
    }
  });
});
