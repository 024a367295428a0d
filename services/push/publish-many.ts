import { FairleadError, toFairleadError } from '#lib/errors';
import type { PublicationPlan, PublishDependencies, Published, PublishRequest } from './publication.ts';
import { publish } from './publish.ts';
import { PublicationRefused } from './refused-publication.ts';
import { rehearse } from './rehearse.ts';

/** One of several profiles to publish. */
export interface Publication {
  /** Names it in the outcome. */
  readonly name: string;
  /** Returns the profile. */
  readonly read: () => Promise<Uint8Array>;
  readonly request: PublishRequest;
  readonly dependencies: PublishDependencies;
}

/** The outcome of one of them. */
export type PublicationOutcome = { readonly name: string } & (
  | { readonly status: 'published' | 'unchanged'; readonly published: Published }
  | { readonly status: 'planned'; readonly plan: PublicationPlan }
  | { readonly status: 'refused'; readonly error: PublicationRefused }
  | { readonly status: 'failed'; readonly error: FairleadError }
);

/** How several profiles are published. */
export interface PublishManyOptions {
  /** True to plan and check only. */
  readonly dryRun?: boolean;
  /** Called as soon as one is done, in the order in which they finish. */
  readonly onOutcome?: (outcome: PublicationOutcome) => void;
}

/** How many are published at the same time: more gain nothing against one registry. */
const atOnce = 8;

/**
 * Publishes several profiles, each completely or not at all; one that fails does not stop the
 * others. Only if a registry, or what signs for it, cannot be reached, nothing more is sent there:
 * each further profile would wait for the same time-outs. Returns the outcome of each, in their
 * order; a bug is the outcome of the profile that it happened with.
 */
export async function publishMany(
  publications: readonly Publication[],
  { dryRun = false, onOutcome }: PublishManyOptions = {},
): Promise<readonly PublicationOutcome[]> {
  const outcomes: PublicationOutcome[] = [];
  const waiting = publications.entries();
  const unavailable = new Set<string>();
  const work = async (): Promise<void> => {
    for (const [at, publication] of waiting) {
      const { registry } = publication.request.reference;
      const outcome = unavailable.has(registry) ? notTried(publication) : await settle(publication, dryRun);
      if (outcome.status === 'failed' && outcome.error.kind === 'Unavailable') unavailable.add(registry);
      outcomes[at] = outcome;
      onOutcome?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, publications.length) }, work));
  return outcomes;
}

function notTried({ name, request }: Publication): PublicationOutcome {
  const { registry } = request.reference;
  const error = new FairleadError('Unavailable', `not tried, since publishing another profile to ${registry} failed`, {
    hint: 'Run the same command again when the registry can be reached: it publishes what is missing.',
  });
  return { name, status: 'failed', error };
}

async function settle(publication: Publication, dryRun: boolean): Promise<PublicationOutcome> {
  const { name } = publication;
  try {
    return { name, ...(dryRun ? await plan(publication) : await carryOut(publication)) };
  } catch (thrown) {
    const error = toFairleadError(thrown);
    if (error instanceof PublicationRefused) return { name, status: 'refused', error };
    return { name, status: 'failed', error };
  }
}

async function plan({ read, request, dependencies }: Publication) {
  return { status: 'planned', plan: await rehearse(await read(), request, dependencies) } as const;
}

async function carryOut({ read, request, dependencies }: Publication) {
  const published = await publish(await read(), request, dependencies);
  return { status: isUnchanged(published) ? 'unchanged' : 'published', published } as const;
}

/** Reports whether publishing has changed nothing in the registry. */
export function isUnchanged(published: Published): boolean {
  const { isHeld, tags, signature, alreadySigned, provenance, alreadyAttested } = published;
  return (
    isHeld &&
    tags.every(({ change }) => change === 'unchanged' || change === 'kept') &&
    (signature === undefined || alreadySigned) &&
    (provenance === undefined || alreadyAttested)
  );
}
