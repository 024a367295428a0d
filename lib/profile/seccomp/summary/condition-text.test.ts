import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decisionOf, meaningOf } from '../algebra/meaning.ts';
import type { SeccompArg } from '../model.ts';
import { conditionText } from './condition-text.ts';

const text = (syscall: string, ...alternatives: readonly (readonly SeccompArg[])[]): string | undefined => {
  const syscalls = alternatives.map((args) => ({ names: [syscall], action: 'SCMP_ACT_ALLOW' as const, args }));
  return conditionText(syscall, decisionOf(meaningOf({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }), syscall));
};
const arg = (index: number, op: SeccompArg['op'], value: number, valueTwo?: number): SeccompArg => ({
  index,
  op,
  value: BigInt(value),
  ...(valueTwo !== undefined && { valueTwo: BigInt(valueTwo) }),
});

describe('conditionText', () => {
  it('names the argument and the constants that programs pass in it', () => {
    for (const [expected, syscall, ...alternatives] of [
      ['when the family is not AF_NETLINK (16)', 'socket', [arg(0, 'SCMP_CMP_NE', 16)]],
      [
        'when the family is AF_UNIX (1), AF_INET (2) or AF_INET6 (10)',
        'socket',
        [arg(0, 'SCMP_CMP_EQ', 1)],
        [arg(0, 'SCMP_CMP_EQ', 2)],
        [arg(0, 'SCMP_CMP_EQ', 10)],
      ],
      [
        'when the family is not AF_ALG (38) or AF_VSOCK (40)',
        'socket',
        [arg(0, 'SCMP_CMP_LT', 38)],
        [arg(0, 'SCMP_CMP_EQ', 39)],
        [arg(0, 'SCMP_CMP_GT', 40)],
      ],
      [
        'when the flags contain none of CLONE_NEWNS and CLONE_NEWUSER',
        'clone',
        [arg(0, 'SCMP_CMP_MASKED_EQ', 0x1002_0000, 0)],
      ],
      ['when the protection is at most PROT_WRITE (2)', 'mmap', [arg(2, 'SCMP_CMP_LE', 2)]],
      [
        'when the second argument is 7 and the third argument is at least 0x10000',
        'fcntl',
        [arg(1, 'SCMP_CMP_EQ', 7), arg(2, 'SCMP_CMP_GE', 65536)],
      ],
      ['when the request is TIOCGWINSZ (0x5413)', 'ioctl', [arg(1, 'SCMP_CMP_EQ', 0x5413)]],
      ['when the option masked with 0xff00 is 256', 'prctl', [arg(0, 'SCMP_CMP_MASKED_EQ', 0xff00, 0x100)]],
    ] as const) {
      assert.equal(text(syscall, ...alternatives), expected);
    }
  });

  it('returns nothing for a call that is always allowed, or never', () => {
    assert.equal(text('read', []), undefined);
    assert.equal(text('read'), undefined);
  });

  it('counts what would be too long to list', () => {
    const many = Array.from({ length: 12 }, (_, n) => [arg(1, 'SCMP_CMP_EQ', n * 2)]);
    assert.match(text('ioctl', ...many) ?? '', /^when the request is 0, 2, 4, 6, 8, 10, 12 or 5 more$/);
  });
});
