import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Call, evaluate } from '#test/oracle/seccomp-evaluate';
import { importProfile } from '../../import-profile.ts';
import { lint } from '../../lint.ts';
import type { SeccompAction, SeccompArg, SeccompOperator, SeccompProfile, SeccompRule } from '../model.ts';

type Condition = readonly [index: number, op: string, value: bigint, valueTwo?: bigint];

function entry(names: readonly string[], action: string, ...conditions: readonly Condition[]): SeccompRule {
  const args = conditions.map(
    ([index, op, value, valueTwo = 0n]): SeccompArg => ({
      index,
      op: `SCMP_CMP_${op}` as SeccompOperator,
      value,
      valueTwo,
    }),
  );
  return { names, action: `SCMP_ACT_${action}` as SeccompAction, args };
}

function profile(defaultAction: 'ALLOW' | 'ERRNO', ...syscalls: readonly SeccompRule[]): SeccompProfile {
  return { defaultAction: `SCMP_ACT_${defaultAction}`, syscalls };
}

function found(seccomp: SeccompProfile): readonly string[] {
  return lint({ kind: 'Seccomp', seccomp })
    .filter(({ code }) => code === 'always-matches' || code === 'alternative-conditions')
    .map(({ code, pointer, message }) => `${code} ${pointer} ${message}`);
}

const codes = (seccomp: SeccompProfile) => found(seccomp).map((line) => line.split(' ').slice(0, 2).join(' '));

describe('lint of conditions that are alternatives', () => {
  it('tells what an entry means whose conditions on one argument match every call together', () => {
    const lists = ['an entry that names an argument twice are alternatives, and these match every call', 'use one'];
    const cases: readonly (readonly [SeccompRule, string])[] = [
      [entry(['socket'], 'ALLOW', [0, 'NE', 38n], [0, 'NE', 40n]), 'SCMP_ACT_ALLOW if arg0 != 38 or arg0 != 40'],
      [entry(['socket'], 'ALLOW', [0, 'GE', 1n], [0, 'LE', 16n]), 'SCMP_ACT_ALLOW if arg0 >= 1 or arg0 <= 16'],
      [entry(['socket'], 'ALLOW', [0, 'LT', 5n], [0, 'GT', 3n]), 'SCMP_ACT_ALLOW if arg0 <= 4 or arg0 >= 4'],
      [entry(['socket'], 'LOG', [0, 'NE', 1n], [1, 'EQ', 2n], [0, 'NE', 2n]), 'SCMP_ACT_LOG if arg0 != 1 or'],
      [
        entry(['socket'], 'ALLOW', [2, 'MASKED_EQ', 1n, 1n], [2, 'MASKED_EQ', 1n, 0n]),
        'SCMP_ACT_ALLOW if any arguments',
      ],
    ];
    for (const [rule, meaning] of cases) {
      const [line = '', ...more] = found(profile('ERRNO', rule));
      for (const part of ['always-matches /syscalls/0 socket: ', ...lists, meaning])
        assert.ok(line.includes(part), line);
      assert.deepEqual(more, []);
    }
  });

  it('tells it of denials, which then deny every call, and names all syscalls of the entry once', () => {
    const denied = entry(['socket', 'socketpair'], 'ERRNO', [0, 'NE', 1n], [0, 'NE', 2n]);
    const [line = '', ...more] = found(profile('ALLOW', denied));
    assert.match(
      line,
      /^always-matches \/syscalls\/0 socket, socketpair: .*: SCMP_ACT_ERRNO\(1\) if arg0 != 1 or arg0 != 2/,
    );
    assert.deepEqual(more, []);
  });

  it('tells it of several entries with one outcome, and of single conditions', () => {
    const together = profile(
      'ERRNO',
      entry(['socket'], 'ALLOW', [0, 'NE', 38n]),
      entry(['mount'], 'ALLOW'),
      entry(['socket'], 'ALLOW', [0, 'NE', 40n]),
    );
    const [line = '', ...more] = found(together);
    assert.match(line, /^always-matches \/syscalls\/2 socket: 2 entries with SCMP_ACT_ALLOW match every call together/);
    assert.deepEqual(more, []);
    assert.deepEqual(codes(profile('ERRNO', entry(['clone'], 'ALLOW', [0, 'GE', 0n]))), [
      'always-matches /syscalls/0/args/0',
    ]);
    const swapped = found(profile('ERRNO', entry(['clone'], 'ALLOW', [0, 'MASKED_EQ', 0n, 0x7e020000n])));
    assert.match(swapped.join(), /^always-matches \/syscalls\/0\/args\/0 .*: "value" is the mask, and "valueTwo"/);
  });

  it('tells what alternatives mean that an author may have meant to join', () => {
    const masks = entry(['clone'], 'ALLOW', [0, 'MASKED_EQ', 0x10000000n], [0, 'MASKED_EQ', 0x40000000n]);
    const [line = ''] = found(profile('ERRNO', masks));
    assert.match(
      line,
      /^alternative-conditions \/syscalls\/0 clone: .*arg0 & 0x10000000 == 0 or arg0 & 0x40000000 == 0/,
    );
    assert.match(line, /SCMP_CMP_MASKED_EQ with value 1342177280 and valueTwo 0$/);
    const withOther = entry(['socket'], 'ALLOW', [0, 'EQ', 2n], [0, 'EQ', 10n], [1, 'EQ', 1n]);
    assert.deepEqual(codes(profile('ERRNO', withOther)), ['alternative-conditions /syscalls/0']);
  });

  it('is silent on lists of values, ranges that exclude each other, and outcomes that share all calls', () => {
    for (const rules of [
      [entry(['socket'], 'ALLOW', [0, 'EQ', 1n], [0, 'EQ', 2n])],
      [entry(['socket'], 'ALLOW', [0, 'LT', 38n], [0, 'EQ', 39n], [0, 'GT', 40n])],
      [entry(['socket'], 'ALLOW', [0, 'NE', 16n]), entry(['socket'], 'LOG', [0, 'EQ', 16n])],
      [entry(['socket'], 'ALLOW', [0, 'NE', 16n], [2, 'NE', 9n])],
      // The same as the default: runtimes skip it.
      [entry(['socket'], 'ERRNO', [0, 'NE', 1n], [0, 'NE', 2n])],
      // An entry without conditions decides alone.
      [entry(['socket'], 'ALLOW', [0, 'NE', 1n]), entry(['socket'], 'ALLOW', [0, 'NE', 2n]), entry(['socket'], 'LOG')],
    ]) {
      assert.deepEqual(codes(profile('ERRNO', ...rules)), []);
    }
  });

  it("reads the form of Docker as it is for the container, and SPO's", () => {
    const args = [38, 40].map((value) => ({ index: 0, value, op: 'SCMP_CMP_NE' }));
    const rule = { names: ['socket'], action: 'SCMP_ACT_ALLOW', args };
    const docker = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ ...rule, excludes: { caps: ['CAP_SYS_ADMIN'] } }] };
    const spec = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] };
    const resource = { apiVersion: 'security-profiles-operator.x-k8s.io/v1', kind: 'SeccompProfile', spec };
    const host = { architecture: 'amd64', kernel: '6.1', capabilities: [] } as const;
    for (const [text, options] of [
      [docker, { host }],
      [resource, {}],
    ] as const) {
      const findings = lint(importProfile(new TextEncoder().encode(JSON.stringify(text)), 'p', options));
      assert.ok(findings.some(({ code }) => code === 'always-matches'));
    }
  });

  it('says of an entry that it always matches if and only if every call gets its outcome', () => {
    const values = [0n, 1n, 2n, 3n, 2n ** 32n, 2n ** 64n - 1n];
    const op = fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ');
    const condition = fc.tuple(fc.constantFrom(0, 1), op, fc.constantFrom(...values), fc.constantFrom(0n, 1n, 2n));
    const near = [
      ...values.flatMap((value) => [value - 1n, value, value + 1n]),
      ...[0n, 1n, 2n, 3n].flatMap((low) => [4n + low, 2n ** 33n + low, 2n ** 63n + low]),
    ];
    const points = near.filter((value) => value >= 0n && value < 2n ** 64n);
    const calls = points.flatMap((a) =>
      points.map((b): Call => ({ architecture: 'SCMP_ARCH_X86_64', syscall: 'socket', args: [a, b, 0n, 0n, 0n, 0n] })),
    );
    let always = 0;
    const property = fc.property(
      fc.array(fc.array(condition, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
      (rules) => {
        const seccomp = profile('ERRNO', ...rules.map((conditions) => entry(['socket'], 'ALLOW', ...conditions)));
        const isAlways = calls.every((call) => evaluate(seccomp, call) === 'SCMP_ACT_ALLOW');
        always += isAlways ? 1 : 0;
        assert.equal(
          codes(seccomp).some((line) => line.startsWith('always-matches')),
          isAlways || hasWholeCondition(seccomp),
        );
      },
    );
    fc.assert(property, { numRuns: 3_000, seed: 20_261_129 });
    assert.ok(always > 300, `${always} cases always match`);
  });

  it('does not compare all of very many conditions in an entry with each other', () => {
    const cases = [
      Array.from({ length: 20_000 }, (_, at): Condition => [0, 'EQ', BigInt(at)]),
      Array.from({ length: 20_000 }, (_, at): Condition => [0, 'MASKED_EQ', 0xffffn, BigInt(at)]),
    ];
    for (const conditions of cases) {
      const began = process.threadCpuUsage();
      found(profile('ERRNO', entry(['socket'], 'ALLOW', ...conditions)));
      const { user, system } = process.threadCpuUsage(began);
      assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`);
    }
  });
});

/** Whether one condition matches every value, which is said of it whatever else its entry has. */
function hasWholeCondition({ syscalls = [] }: SeccompProfile): boolean {
  const whole = ({ op, value }: SeccompArg) =>
    op === 'SCMP_CMP_GE' || op === 'SCMP_CMP_MASKED_EQ'
      ? value === 0n
      : op === 'SCMP_CMP_LE' && value === 2n ** 64n - 1n;
  return syscalls.some(({ args = [] }) => args.some(whole));
}
