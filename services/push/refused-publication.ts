import { FairleadError } from '#lib/errors';
import { isLoosened } from '#lib/profile/render-diff';
import { formatRepository } from '#lib/registry/reference';
import { comparedName } from './compare-with-held.ts';
import type { PublicationPlan, PublishRequest } from './publication.ts';

/** Thrown instead of publishing if a condition of the request is not met. Nothing was sent. */
export class PublicationRefused extends FairleadError {
  readonly plan: PublicationPlan;

  constructor(message: string, hint: string, plan: PublicationPlan) {
    super('Conflict', message, { hint });
    this.plan = plan;
  }
}

/**
 * Reports whether a planned publication permits more than what its tags hold now; undefined if that
 * cannot be decided.
 */
export function loosens({ comparisons }: Pick<PublicationPlan, 'comparisons'>): boolean | undefined {
  if (comparisons.some((each) => 'diff' in each && isLoosened(each.diff))) return true;
  return comparisons.some((each) => 'problem' in each) ? undefined : false;
}

/**
 * Returns why a publication was compared with nothing although the request has `failOn`; undefined
 * if it was compared, or if the repository has the same profile already.
 */
export function notCompared(
  { comparisons, isHeld, profile, tags: [primary] }: PublicationPlan,
  { failOn, subject }: Pick<PublishRequest, 'failOn' | 'subject'>,
): string | undefined {
  if (failOn === undefined || isHeld || comparisons.length > 0) return undefined;
  if (subject !== undefined) return `no ${profile.kind} profile that verifies is attached to the image`;
  return primary === undefined ? undefined : `tag ${primary.tag} is new`;
}

/** Throws PublicationRefused if `failOn` or `overwrite` of the request forbids what is planned. */
export function refuseUnmet(plan: PublicationPlan, { failOn, overwrite = true }: PublishRequest): void {
  const [primary] = plan.tags;
  if (!overwrite && primary?.change === 'moved') {
    throw new PublicationRefused(
      `${formatRepository(plan.reference)}:${primary.tag} exists and holds another artifact, ${primary.holds}`,
      'Publish under another tag or version, or leave out `overwrite`.',
      plan,
    );
  }
  if (failOn === undefined) return;
  for (const comparison of plan.comparisons) {
    const name = comparedName(comparison);
    if ('problem' in comparison) {
      throw new PublicationRefused(
        `cannot decide whether the profile permits more than ${name}: ${comparison.problem}`,
        'Name those who signed it in `policy`, or publish without `failOn` after a review.',
        plan,
      );
    }
    if (!isLoosened(comparison.diff)) continue;
    const subjects = new Set(
      comparison.diff.changes.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject),
    );
    const [first = '', ...others] = subjects;
    throw new PublicationRefused(
      `the profile permits what ${name} does not: ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`,
      'Review the difference. To publish it, leave out `failOn`.',
      plan,
    );
  }
}
