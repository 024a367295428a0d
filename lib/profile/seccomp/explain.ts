import type { EffectiveInputs, ProfileInput } from '../constraint.ts';
import { inputsInOrder, mapInputs } from '../constraint.ts';
import { describeDecision } from './algebra/describe.ts';
import { decisionOf, meaningOf } from './algebra/meaning.ts';
import { asApplied } from './as-applied.ts';
import { effectiveAsWritten } from './effective-profile.ts';
import type { SeccompProfile } from './model.ts';

/** What each profile of a container does with one syscall, and what applies. */
export interface SyscallExplanation {
  readonly syscall: string;
  readonly inputs: readonly { readonly input: ProfileInput; readonly decision: string }[];
  readonly effective: string;
  /** Which inputs made it stricter than the artifact asked for; empty if none did. */
  readonly constrainedBy: readonly ProfileInput[];
  /**
   * False if it is stricter than every input, because the format cannot express the exact result.
   */
  readonly exact: boolean;
}

/**
 * Returns what baseline, base and artifact, each as nodes apply it, do with syscalls, and what the
 * effective profile does.
 *
 * @param syscalls which ones; by default those that are constrained, in the order of their names.
 */
export function explainSyscalls(
  inputs: EffectiveInputs<SeccompProfile>,
  nativeArchitecture: string,
  syscalls?: readonly string[],
): readonly SyscallExplanation[] {
  const applied = mapInputs(inputs, (each) => asApplied(each, nativeArchitecture));
  const { profile, constraints } = effectiveAsWritten(applied, nativeArchitecture);
  const effective = meaningOf(profile);
  const meanings = inputsInOrder(applied).map((each) => ({ input: each.input, meaning: meaningOf(each.profile) }));
  const wholes = new Set(['defaultAction', 'architectures', 'flags', 'listener']);
  const constrained = [...new Set(constraints.map(({ subject }) => subject))].filter((subject) => !wholes.has(subject));
  return (syscalls ?? constrained).map((syscall) => {
    const own = constraints.filter(({ subject }) => subject === syscall);
    return {
      syscall,
      inputs: meanings.map(({ input, meaning }) => ({
        input,
        decision: describeDecision(decisionOf(meaning, syscall)),
      })),
      effective: describeDecision(decisionOf(effective, syscall)),
      constrainedBy: own.map(({ input }) => input),
      exact: own.every(({ exact }) => exact),
    };
  });
}

/** Returns an explanation as lines for a terminal. */
export function describeExplanation(explanation: SyscallExplanation): string {
  const lines = [`${explanation.syscall}: ${explanation.effective}`];
  for (const { input, decision } of explanation.inputs) {
    const mark = explanation.constrainedBy.includes(input) ? ' (constrains)' : '';
    lines.push(`  ${input}: ${decision}${mark}`);
  }
  if (!explanation.exact) lines.push('  stricter than every input: the format cannot express the exact result');
  return lines.join('\n');
}
