import { FairleadError, toFairleadError } from '#lib/errors';
import { memoryRepository } from '#lib/registry/memory';
import type { Signer } from '#lib/trust/sign/signer';
import { signStatement } from '#lib/trust/signature/statement';
import { planPublication } from '#services/push/plan-publication';
import type { Comparison, PublicationPlan, Published, TagChange } from '#services/push/publication';
import type { Publication, PublicationOutcome } from '#services/push/publish-many';
import { maxProfiles } from '#services/push/read-parts';
import type { PlannedByService, PushService, SentProfile } from './push-service.ts';

/** What a service publishes, and how. */
export interface ThroughServiceOptions {
  /** True to ask only what would be published. */
  readonly dryRun: boolean;
  /** Called as soon as one is done. */
  readonly onOutcome: (outcome: PublicationOutcome) => void;
}

/** A profile that was read and packed here. */
interface Packed extends SentProfile {
  readonly name: string;
  readonly plan: PublicationPlan;
  readonly signer: Signer | undefined;
}

/** Signatures that are made at the same time. */
const signedAtOnce = 8;

/**
 * Publishes profiles through a push service. Each is packed here, and what is signed is the digest
 * that was computed here: a service cannot make its callers sign something else. The service gets
 * the bundle. It receives at most 64 profiles in a request, of which it publishes all or none.
 * Returns the outcome of each, in their order.
 */
export async function publishThroughService(
  publications: readonly Publication[],
  service: PushService,
  { dryRun, onOutcome }: ThroughServiceOptions,
): Promise<readonly PublicationOutcome[]> {
  const outcomes: PublicationOutcome[] = [];
  for (let at = 0; at < publications.length; at += maxProfiles) {
    for (const outcome of await publishTogether(publications.slice(at, at + maxProfiles), service, dryRun)) {
      outcomes.push(outcome);
      onOutcome(outcome);
    }
  }
  return outcomes;
}

async function publishTogether(
  publications: readonly Publication[],
  service: PushService,
  dryRun: boolean,
): Promise<readonly PublicationOutcome[]> {
  const packed = await Promise.all(publications.map((each) => pack(each)));
  const failed = packed.find((each) => each instanceof FairleadError);
  if (failed !== undefined) {
    const others = new FairleadError(failed.kind, 'not sent, since another profile cannot be published');
    return packed.map((each, at) => failure(publications[at], each instanceof FairleadError ? each : others));
  }
  const profiles = packed.filter((each): each is Packed => !(each instanceof FairleadError));
  try {
    return await send(profiles, service, dryRun);
  } catch (thrown) {
    const error = toFairleadError(thrown);
    return publications.map((each) => failure(each, error));
  }
}

function failure(publication: Publication | undefined, error: FairleadError): PublicationOutcome {
  return { name: publication?.name ?? '', status: 'failed', error };
}

/** Reads, checks and packs a profile. Returns why that is impossible instead. */
async function pack({ name, read, request, dependencies }: Publication): Promise<Packed | FairleadError> {
  try {
    const bytes = await read();
    const { reference, source, title } = request;
    const target = memoryRepository();
    // Conditions on what its tag holds are for the service, which reads it.
    const plan = await planPublication(bytes, { reference, source, title }, { ...dependencies, target });
    return { name, bytes, plan, request, signer: await dependencies.signer };
  } catch (thrown) {
    return toFairleadError(thrown);
  }
}

async function send(
  profiles: readonly Packed[],
  service: PushService,
  dryRun: boolean,
): Promise<readonly PublicationOutcome[]> {
  const signed = profiles.some(({ signer }) => signer !== undefined);
  const answers = await service.plan(profiles, signed);
  const planned = profiles.flatMap((profile, at) => {
    const answer = answers[at];
    return answer === undefined ? [] : [{ ...profile, answer, plan: planOf(profile, answer) }];
  });
  if (dryRun) return planned.map(({ name, plan }) => ({ name, status: 'planned', plan }));
  const missing = planned.filter(({ answer }) => answer.change !== 'unchanged' || !answer.alreadySigned);
  const bundles: (Uint8Array | undefined)[] = [];
  for (let at = 0; at < missing.length; at += signedAtOnce) {
    const some = missing.slice(at, at + signedAtOnce);
    bundles.push(...(await Promise.all(some.map(({ plan, signer }) => signer?.sign(statementOf(plan))))));
  }
  const sent = missing.map((profile, at) => ({ ...profile, bundle: bundles[at] }));
  const published = sent.length === 0 ? [] : await service.publish(sent);
  const results = new Map(missing.map(({ name }, at) => [name, published[at]]));
  return planned.map(({ name, plan }) => {
    const { signature, alreadySigned } = results.get(name) ?? { signature: null, alreadySigned: true };
    const result: Published = { ...plan, signature: signature ?? undefined, alreadySigned, alreadyAttested: false };
    return { name, status: plan.isHeld && alreadySigned ? 'unchanged' : 'published', published: result };
  });
}

const statementOf = ({ artifact }: PublicationPlan): Uint8Array => signStatement(artifact.descriptor);

/**
 * Returns the plan with what the service found in the registry. Throws Conflict if the service
 * would publish another artifact.
 */
function planOf({ plan, request }: Packed, { digest, change, alreadySigned }: PlannedByService): PublicationPlan {
  const { artifact, reference, tags } = plan;
  const isHeld = change === 'unchanged';
  // The tag may hold it with annotations of another run; the service has verified that it does.
  if (digest !== artifact.descriptor.digest && !(isHeld && alreadySigned)) {
    throw new FairleadError('Conflict', `the service would publish ${digest}, not ${artifact.descriptor.digest}`, {
      hint: 'Nothing was signed. Use the version of fairlead that the service has.',
    });
  }
  // With failOn, the service has decided that nothing is loosened. Otherwise, only it can tell.
  const { registry, repository } = reference;
  const replaced = change === 'moved' && request.failOn === undefined ? tags : [];
  const comparisons = replaced.map(({ tag }): Comparison => {
    return { reference: { registry, repository, tag }, problem: 'only the push service reads what the tag holds' };
  });
  const changed = tags.map(({ tag }): TagChange => ({ tag, change }));
  return { ...plan, reference: { ...reference, digest }, isHeld, tags: changed, comparisons };
}
