import type { Constraint, ProfileInput } from '../constraint.ts';
import { describeDecision } from './algebra/describe.ts';
import { decisionOf, meaningOf } from './algebra/meaning.ts';
import type { EffectiveInputs } from './effective-profile.ts';
import { effectiveProfile, profileInputs } from './effective-profile.ts';

/** What each profile of a container says about one syscall, and what holds. */
export interface Explanation {
  readonly syscall: string;
  readonly inputs: readonly { readonly input: ProfileInput; readonly decision: string }[];
  readonly effective: string;
  /** Which inputs made it stricter than the artifact asked for; empty if none did. */
  readonly constrainedBy: readonly ProfileInput[];
  /**
   * False where it is stricter than every input, because the format cannot say the exact result.
   */
  readonly exact: boolean;
}

/**
 * Says of syscalls what baseline, base and artifact do with them, and what the effective profile
 * does.
 *
 * @param syscalls which ones; without them those that are constrained, in the order of their names.
 */
export function explain(
  inputs: EffectiveInputs,
  nativeArchitecture: string,
  syscalls?: readonly string[],
): readonly Explanation[] {
  const { profile, constraints } = effectiveProfile(inputs, nativeArchitecture);
  const effective = meaningOf(profile);
  const meanings = profileInputs(inputs).map(({ input, profile: given }) => ({ input, meaning: meaningOf(given) }));
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

/**
 * One constraint as a sentence: `mount: SCMP_ACT_ALLOW became SCMP_ACT_ERRNO(1), by the baseline`.
 */
export function describeConstraint({ subject, input, from, to, exact }: Constraint): string {
  const note = exact ? '' : ' (stricter than asked for: the format cannot say more)';
  return `${subject}: ${from} became ${to}, by the ${input}${note}`;
}

/** An explanation as lines for a terminal. */
export function describeExplanation(explanation: Explanation): string {
  const lines = [`${explanation.syscall}: ${explanation.effective}`];
  for (const { input, decision } of explanation.inputs) {
    const mark = explanation.constrainedBy.includes(input) ? ' (constrains)' : '';
    lines.push(`  ${input}: ${decision}${mark}`);
  }
  if (!explanation.exact) lines.push('  stricter than every input: the format cannot say the exact result');
  return lines.join('\n');
}
