import { FairleadError } from '#lib/errors';
import { formatReference, formatRepository, type Reference } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { PublicationPlan, Published } from './publication.ts';
import { type Publication, type PublicationOutcome, publishMany } from './publish-many.ts';

/** Failures that are named in one error. */
const mostNamed = 10;

/** A profile of several that failed. */
export interface FailedPublication {
  readonly reference: Reference;
  readonly error: FairleadError;
}

/** Thrown if several profiles could not all be published, although each of them was accepted. */
export class PartlyPublished extends FairleadError {
  /** Those that are published all the same. */
  readonly published: readonly Published[];
  readonly failed: readonly FailedPublication[];

  constructor(error: FairleadError, published: readonly Published[], failed: readonly FailedPublication[]) {
    super(error.kind, error.summary, error);
    this.published = published;
    this.failed = failed;
  }
}

/**
 * Publishes several profiles, or none: nothing is sent unless each of them could be published.
 * Signatures, also those that were supplied, are verified under the policy before. Returns them in
 * their order. Throws InvalidInput if two of them have the same tag, what publish throws for the
 * first that cannot be published, and PartlyPublished if a registry fails meanwhile: the same
 * request publishes what is missing then.
 */
export async function publishTogether(publications: readonly Publication[]): Promise<readonly Published[]> {
  await planTogether(publications);
  const outcomes = await publishMany(publications);
  const published = outcomes.flatMap((outcome) => ('published' in outcome ? [outcome.published] : []));
  const error = failureOf(outcomes, 'published');
  if (error === undefined) return published;
  const failed = outcomes.flatMap((outcome, at) => {
    const { request } = publications[at] ?? {};
    return 'error' in outcome && request !== undefined ? [{ reference: request.reference, error: outcome.error }] : [];
  });
  throw new PartlyPublished(error, published, failed);
}

/** Returns what publishTogether would do, and throws what it would throw; nothing is sent. */
export async function planTogether(publications: readonly Publication[]): Promise<readonly PublicationPlan[]> {
  refuseSameTag(publications);
  const outcomes = await publishMany(publications, { dryRun: true });
  const error = failureOf(outcomes, 'accepted');
  if (error !== undefined) throw error;
  return outcomes.flatMap((outcome) => ('plan' in outcome ? [outcome.plan] : []));
}

/** Returns the error of the first that failed, with the names and errors of others. */
function failureOf(outcomes: readonly PublicationOutcome[], verb: string): FairleadError | undefined {
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : []));
  const [first, ...others] = failed;
  if (first === undefined) return undefined;
  const { kind, summary, details = [], ...rest } = first.error;
  const named = others.slice(0, mostNamed).map(({ name, error }) => `${name}: ${error.summary}`);
  const count = `${outcomes.length - failed.length} of ${outcomes.length} profiles could be ${verb}`;
  const more = outcomes.length === 1 ? [] : [...named, count];
  return new FairleadError(kind, `${first.name}: ${summary}`, {
    ...rest,
    details: [...details, ...more],
    cause: first.error,
  });
}

function refuseSameTag(publications: readonly Publication[]): void {
  const seen = new Set<string>();
  for (const { request } of publications) {
    const { reference } = request;
    if (reference.tag === undefined) continue;
    // A registry in another spelling is the same one.
    const name = `${repositoryName(formatRepository(reference))}:${reference.tag}`;
    if (seen.has(name)) {
      throw new FairleadError('InvalidInput', `two profiles have the reference ${formatReference(reference)}`);
    }
    seen.add(name);
  }
}
