import type { Constraint } from '#lib/profile/constraint';
import type { Narrator } from './narrator.ts';

/** Constraints that are listed for each input; the rest is only counted. */
const shown = 8;

const inputs: Readonly<Record<Constraint['input'], string>> = {
  baseline: "the runtime's default",
  base: "the pod's base profile",
  artifact: 'the artifact',
};

/** Writes the constraints by the profile that caused them, each with both outcomes. */
export function tellConstraints(constraints: readonly Constraint[], tell: Narrator): void {
  const byInput = Map.groupBy(constraints, ({ input }) => input);
  for (const [input, of] of byInput) {
    tell.fact('constrained', `${of.length} times by ${inputs[input]}, which is stricter:`);
    for (const { subject, from, to, exact } of of.slice(0, shown)) {
      tell.note(
        `${' '.repeat(13)}${subject}: ${from} becomes ${to}${exact ? '' : ' (the exact limit cannot be expressed)'}`,
      );
    }
    if (of.length > shown) tell.note(`${' '.repeat(13)}… and ${of.length - shown} more`);
  }
}
