import type { Constraint } from '#lib/profile/constraint';
import type { Narrator } from './narrator.ts';

/** More lines than this tell nobody anything. */
const shown = 8;

const inputs: Readonly<Record<Constraint['input'], string>> = {
  baseline: "the runtime's default",
  base: "the pod's base profile",
  artifact: 'the artifact',
};

/** Says what was constrained, by which of the profiles, and from what to what. */
export function tellConstraints(constraints: readonly Constraint[], tell: Narrator): void {
  const byInput = Map.groupBy(constraints, ({ input }) => input);
  for (const [input, of] of byInput) {
    tell.fact('constrained', `${of.length} times by ${inputs[input]}, which is the stricter one there:`);
    for (const { subject, from, to, exact } of of.slice(0, shown)) {
      tell.note(
        `${' '.repeat(13)}${subject}: ${from} becomes ${to}${exact ? '' : ' (the exact limit cannot be written)'}`,
      );
    }
    if (of.length > shown) tell.note(`${' '.repeat(13)}… and ${of.length - shown} more`);
  }
}
