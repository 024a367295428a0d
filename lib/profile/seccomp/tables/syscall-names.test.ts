import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isKnownSyscall } from './syscall-names.ts';

describe('isKnownSyscall', () => {
  it('knows calls of every architecture', () => {
    for (const architecture of ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_RISCV64']) {
      for (const name of ['openat', 'name_to_handle_at', 'open_by_handle_at', 'listns']) {
        assert.ok(isKnownSyscall(name, [architecture]), `${name} on ${architecture}`);
      }
    }
    assert.ok(!isKnownSyscall('open', ['SCMP_ARCH_AARCH64']));
  });
});
