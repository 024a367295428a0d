import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lint } from '#lib/profile/lint';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';
import { minimize } from '#lib/profile/seccomp/write/minimize';
import { arbitraryProfile, cornerCalls } from '../../oracle/seccomp-arbitrary.ts';
import { type Call, evaluate } from '../../oracle/seccomp-evaluate.ts';
import { usualDefault } from '../runtime-default.ts';
import { harmlessCalls, type KernelResult } from './run-probe.ts';

export const native = 'SCMP_ARCH_X86_64';
const names = Object.keys(harmlessCalls);
/** What is made of two profiles and then run. */
export const operations: Readonly<Record<string, (a: SeccompProfile, b: SeccompProfile) => SeccompProfile>> = {
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
export function startable(profile: SeccompProfile): SeccompProfile {
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

/** Runs calls in a container under a profile; undefined if it does not get ready. */
export type RunCalls = (
  profile: SeccompProfile,
  calls: readonly Call[],
) => Promise<readonly KernelResult[] | undefined>;

export interface MergedPairs {
  /** What is made of each pair; see {@link operations}. */
  readonly operation: (a: SeccompProfile, b: SeccompProfile) => SeccompProfile;
  readonly architectures: readonly string[];
  /** Whether values have more than 32 bits. */
  readonly wide: boolean;
  readonly pairs: number;
  readonly seed: number;
  readonly run: RunCalls;
}

/** Asserts that the kernel does what the evaluator says, with what is made of generated pairs. */
export async function checkPairs({ operation, architectures, wide, pairs, seed, run }: MergedPairs): Promise<void> {
  const shape = { names, architectures: [architectures], wide, rules: 10 };
  const generated = fc.sample(fc.tuple(arbitraryProfile(shape), arbitraryProfile(shape)), { seed, numRuns: pairs });
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  for (const [a, b] of generated) {
    const inputs = [startable(a), startable(b)] as const;
    await check(operation(...inputs), cornerCalls(inputs, names, architectures, 100, random), run);
  }
}

async function check(profile: SeccompProfile, calls: readonly Call[], run: RunCalls): Promise<void> {
  const results = await run(profile, calls);
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
