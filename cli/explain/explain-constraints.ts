import type { Constraint, EffectiveInputs } from '#lib/profile/constraint';
import { describeExplanation, type SyscallExplanation } from '#lib/profile/seccomp/explain';
import { oneLine } from '../terminal/output.ts';

/** Returns in lines where the profiles come from, and what each of them does with some syscalls. */
export function syscallsText(sources: EffectiveInputs<string>, syscalls: readonly SyscallExplanation[]): string {
  return [...sourceLines(sources), '', ...syscalls.map(describeExplanation)].join('\n');
}

/** Returns in lines where the profiles come from, and what constrains the artifact. */
export function constraintsText(sources: EffectiveInputs<string>, constraints: readonly Constraint[]): string {
  const lines = sourceLines(sources);
  if (constraints.length === 0)
    return [...lines, '', 'The artifact applies as it is: nothing constrains it.'].join('\n');
  for (const [input, of] of Map.groupBy(constraints, (constraint) => constraint.input)) {
    lines.push('', `Constrained by ${input === 'artifact' ? 'the format alone' : `the ${input}`}:`);
    lines.push(...describeConstraints(of));
  }
  return lines.join('\n');
}

function sourceLines(sources: EffectiveInputs<string>): string[] {
  return Object.entries(sources).map(([input, source]) => `${input.padEnd(10)} ${source}`);
}

/** Lists subjects that are constrained in the same way together. */
function describeConstraints(constraints: readonly Constraint[]): readonly string[] {
  const alike = Map.groupBy(constraints, ({ from, to, exact }) =>
    [
      `${from} -> ${to}`,
      ...(exact ? [] : ['    stricter than necessary: the format cannot express the exact result']),
    ].join('\n'),
  );
  return [...alike].map(([change, of]) => `  ${of.map(({ subject }) => oneLine(subject)).join(', ')}:\n    ${change}`);
}
