import { withNextStep } from '#lib/text/sentence';
import type { Judgement } from '../bind/judge.ts';

/** Returns why bindings give no profile, and the next step; undefined if they give one. */
export function judgementProblem(judgement: Judgement): string | undefined {
  if ('profile' in judgement) return undefined;
  if ('conflict' in judgement) {
    return `two bindings are equally specific: ${judgement.conflict}. Make one of them more specific, or let both give the same profile.`;
  }
  return withNextStep(judgement.problem, judgement.hint);
}
