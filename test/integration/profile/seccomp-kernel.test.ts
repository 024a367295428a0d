import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { lint } from '#lib/profile/lint';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { usualDefault } from '#test/support/runtime-default';
import { arbitraryProfile, cornerCalls } from '../../oracle/seccomp-arbitrary.ts';
import { type Call, evaluate } from '../../oracle/seccomp-evaluate.ts';
import { temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';
import { harmlessCalls, type KernelResult, ProbeContainer } from '../../support/kernel/run-probe.ts';
import { triesAll } from '../../support/some-of.ts';

const native = 'SCMP_ARCH_X86_64';
const names = Object.keys(harmlessCalls);
/** Pairs of profiles for each operation. */
const pairs = triesAll ? 200 : 20;

const no32Bit = 'this kernel runs no 32-bit programs';

/** What is made of two profiles and then run. */
const operations: Readonly<Record<string, (a: SeccompProfile, b: SeccompProfile) => SeccompProfile>> = {
  'the intersections': (a, b) => intersect([a, b], native).profile,
  'the unions': (a, b) => unionSeccomp([a, b], native).profile,
  'the minimized intersections': (a, b) => minimize(intersect([a, b], native).profile, native),
  // Of generated rules libseccomp joins some wrongly, and minimize keeps what it cannot shorten
  // (see encodeDecision).
  'the minimized rules that libseccomp loads rightly': (a) => minimize(withoutDoubtful(a), native),
};

/** What the runtime and the probe need, whatever the generated rules say. */
const needed: SeccompRule = {
  names:
    usualDefault({ architecture: 'amd64', capabilities: ['ALL'] })
      .syscalls?.flatMap((rule) => (rule.args === undefined && rule.action === 'SCMP_ACT_ALLOW' ? rule.names : []))
      .filter((name) => !names.includes(name)) ?? [],
  action: 'SCMP_ACT_ALLOW',
};

/**
 * A generated profile made one that a container starts under; there is no listener for
 * SCMP_ACT_NOTIFY.
 */
function startable(profile: SeccompProfile): SeccompProfile {
  const rules = (profile.syscalls ?? []).map((rule) =>
    rule.action === 'SCMP_ACT_NOTIFY' ? { ...rule, action: 'SCMP_ACT_LOG' as const } : rule,
  );
  return { ...profile, syscalls: [...rules, needed] };
}

/**
 * Without the entries of syscalls of which lint says that libseccomp may load them wrongly, or
 * late.
 */
function withoutDoubtful(profile: SeccompProfile): SeccompProfile {
  const keeps = (name: string) => {
    const rules = (profile.syscalls ?? []).filter(({ names: all }) => all.includes(name));
    const alone = { ...profile, syscalls: rules.map((rule) => ({ ...rule, names: [name] })) };
    return !lint({ kind: 'Seccomp', seccomp: alone }).some(({ code }) => doubts.has(code));
  };
  const kept = new Set(names.filter(keeps));
  const syscalls = (profile.syscalls ?? []).flatMap((rule) => {
    const own = rule.names.filter((name) => kept.has(name) || !names.includes(name));
    return own.length === 0 ? [] : [{ ...rule, names: own }];
  });
  return { ...profile, syscalls };
}
const doubts = new Set(['overlapping-actions', 'unreliable-comparison', 'slow-to-load']);

/**
 * Reports whether the kernel's answer is what the evaluator's word means. None of the calls fails
 * with 1, 13 or 38 by itself.
 */
function agrees(result: KernelResult, expected: string): boolean {
  const [action, errno] = expected.split(' ');
  if (action === 'SCMP_ACT_KILL_PROCESS' || action === 'SCMP_ACT_KILL_THREAD' || action === 'bad')
    return result === 'killed';
  if (action === 'SCMP_ACT_TRAP') return result === 'trapped';
  if (typeof result === 'string') return false;
  if (action === 'SCMP_ACT_ERRNO') return result.value === -Number(errno);
  // Without a tracer a traced call fails with ENOSYS.
  if (action === 'SCMP_ACT_TRACE') return result.value === -38;
  return ![-1, -13, -38].includes(result.value);
}

const show = (value: unknown) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part));

describePeers(['runc', 'cc', 'root'], 'profiles in the kernel', () => {
  let directory: string;
  let container: ProbeContainer;
  let with32Bit: boolean;
  before(() => {
    directory = temporaryFolder('probe');
    container = new ProbeContainer(directory);
    with32Bit = container.runs32BitPrograms();
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [title, architectures, wide] of [
    ['of x86_64 alone, with 64-bit values', [native], true],
    ['of x86_64 and x86', [native, 'SCMP_ARCH_X86'], false],
  ] as const) {
    for (const [results, operation] of Object.entries(operations)) {
      it(`do what the evaluator says: ${results} of ${pairs} pairs ${title}`, (context) => {
        if (!wide && !with32Bit) return context.skip(no32Bit);
        const seed = Math.floor(Math.random() * 2 ** 31);
        context.diagnostic(`seed ${seed}`);
        const shape = { names, architectures: [architectures], wide, rules: 10 };
        const generated = fc.sample(fc.tuple(arbitraryProfile(shape), arbitraryProfile(shape)), {
          seed,
          numRuns: pairs,
        });
        let state = seed;
        const random = () => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
          return state / 2 ** 32;
        };
        for (const [a, b] of generated) {
          const inputs = [startable(a), startable(b)] as const;
          const profile = operation(...inputs);
          check(profile, cornerCalls(inputs, names, architectures, 100, random));
        }
      });
    }
  }

  it('kill if a mask has no low bits, for a 32-bit program only', (context) => {
    if (!with32Bit) return context.skip(no32Bit);
    const architectures = [native, 'SCMP_ARCH_X86'];
    const calls = architectures.map(
      (architecture): Call => ({ architecture, syscall: 'getsid', args: [0n, 0n, 0n, 0n, 0n, 0n] }),
    );
    const args = [{ index: 0, value: 2n ** 63n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }] as const;
    const denying = startable({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures,
      syscalls: [
        { names: ['getsid'], action: 'SCMP_ACT_KILL_PROCESS', args },
        { names: ['getsid'], action: 'SCMP_ACT_ALLOW' },
      ],
    });
    const allowing = startable({ defaultAction: 'SCMP_ACT_ALLOW', architectures });
    assert.deepEqual(container.run(denying, calls, 20_000)?.[1], 'killed');
    assert.notEqual(container.run(denying, calls, 20_000)?.[0], 'killed');
    assert.deepEqual(container.run(intersect([denying, allowing], native).profile, calls, 20_000)?.[1], 'killed');
    assert.deepEqual(container.run(minimize(denying, native), calls, 20_000)?.[1], 'killed');
  });

  it('keep their rules beside one for a call that x86_64 does not have, with x32 listed', () => {
    const denied = [{ index: 0, value: 41n, op: 'SCMP_CMP_EQ' }] as const;
    // Few rules, none of them unconditional for a call that x86_64 has: libseccomp then loses them
    // all.
    const losing: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [
        { names: ['getsid'], action: 'SCMP_ACT_ERRNO', errnoRet: 99, args: denied },
        { names: ['stat64'], action: 'SCMP_ACT_ERRNO' },
      ],
    };
    const call: Call = { architecture: native, syscall: 'getsid', args: [41n, 0n, 0n, 0n, 0n, 0n] };
    const esrch = { value: -3 };
    assert.deepEqual(container.run(losing, [call], 20_000), [esrch], 'libseccomp lost the rule');
    const merged = [intersect([losing, losing], native).profile, unionSeccomp([losing, losing], native).profile];
    for (const profile of merged) assert.deepEqual(container.run(profile, [call], 20_000), [{ value: -99 }]);
  });

  function check(profile: SeccompProfile, calls: readonly Call[]): void {
    const results = container.run(profile, calls, 20_000);
    assert.ok(results, `runc does not get ready with ${show(profile)}`);
    for (const [index, call] of calls.entries()) {
      const expected = evaluate(profile, call);
      const got = results[index];
      assert.ok(
        got !== undefined && agrees(got, expected),
        `${show(got)}, not ${expected}: ${show(call)} under ${show(profile)}`,
      );
    }
  }
});
