import type { ProfileArtifact } from '#lib/artifact/artifact';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { unpackArtifact } from '#lib/artifact/unpack-artifact';
import { FairleadError } from '#lib/errors';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import { validateArtifact } from '#lib/profile/validate-artifact';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import type { Fetcher, ReadTarget } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { NodePolicy } from '#lib/trust/policy/node-policy';
import type { Rule, TrustPolicy } from '#lib/trust/policy/policy';
import type { Verification } from '#lib/trust/signature/signature';
import { verifyArtifact } from '#lib/trust/verify/verify-artifact';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import type { Turns } from '../../concurrency/turns.ts';
import type { Store } from '../store/store.ts';
import { worthKeeping } from '../store/worth-keeping.ts';
import type { DecisionLog } from './decision-log.ts';
import type { PullBudget } from './pull-budget.ts';
import type { PullMemory, ResolvedTag } from './pull-memory.ts';

/** What pullProfile pulls. */
export interface PullRequest {
  /** With tag or digest. */
  readonly reference: Reference;
  readonly kind: RuntimeKind;
}

/** What decides about a pull: who may publish what, and how much of it is accepted. */
export type PullPolicy = TrustPolicy & Pick<NodePolicy, 'limits'>;

/** What pullProfile works with: the policy, the registry, the store. */
export interface PullContext {
  readonly policy: PullPolicy;
  /** Gives the repository of a reference; called only after the policy has allowed it. */
  readonly connect: (reference: Reference) => ReadTarget | Promise<ReadTarget>;
  readonly store?: Store;
  /** Kept by a caller that pulls again and again, beside its store. */
  readonly memory?: PullMemory;
  /** Kept by a caller that makes many pulls at the same time. */
  readonly budget?: PullBudget;
  readonly signal?: AbortSignal;
  /** What came of the pull is written down here. */
  readonly decisions?: DecisionLog | undefined;
  /**
   * Asking a registry and reading a profile take their turns here, in a process that has others to
   * answer meanwhile.
   */
  readonly turns?: Turns;
}

/** A profile that the policy allows, with everything that shows why. */
export interface PulledProfile {
  /** As it was asked for: registry and repository stay, whoever served the bytes. */
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly profile: PublishedProfile;
  readonly artifact: ProfileArtifact;
  readonly verification: Verification;
  /** True where no registry was asked for more than what the tag stands for. */
  readonly cached: boolean;
}

/**
 * Pulls a profile: the whole way from a reference to a value that may be applied. The policy is
 * asked before anything else; then the store, where the reference has a digest and the artifact was
 * pulled from this repository before: its stored signatures are verified again under the policy in
 * force. Otherwise the registry: resolve, signatures, content, format, and only what has passed all
 * of it is stored. Stored signatures that do not satisfy a changed policy are fetched anew. Throws
 * NotAllowed, SignatureInvalid, ProfileInvalid, and what the registry's client throws.
 */
export async function pullProfile(request: PullRequest, context: PullContext): Promise<PulledProfile> {
  const { decisions, policy } = context;
  if (decisions === undefined) return remembered(request, context);
  return decisions.recorded(request, policy, () => remembered(request, context));
}

/**
 * Pulls a profile under the policy that is in force when that is done: a registry may take its
 * time, and what the policy has come to forbid meanwhile is not let in by the one before. Gives
 * that policy too. Throws as pullProfile does.
 */
export async function pullInForce<P extends PullPolicy>(
  request: PullRequest,
  policy: () => P,
  context: Omit<PullContext, 'policy'>,
): Promise<PulledProfile & { readonly policy: P }> {
  for (;;) {
    const decided = policy();
    const pulled = await pullProfile(request, { ...context, policy: decided });
    if (policy().revision === decided.revision) return { ...pulled, policy: decided };
  }
}

async function remembered(request: PullRequest, context: PullContext): Promise<PulledProfile> {
  const { reference, kind } = request;
  const rule = authorize(context.policy, reference, kind);
  const { memory } = context;
  if (memory === undefined) return walk(request, rule, context);
  if (reference.digest !== undefined) {
    return pullOnce({ reference, kind, digest: reference.digest }, rule, { ...context, memory });
  }
  // Each time: a tag may stand for something else by now. What it stands for is looked at once.
  const { descriptor, target } = await resolveTag(reference, context, memory);
  const { digest } = descriptor;
  const pinned = { reference: { ...reference, digest }, kind, digest };
  return { ...(await pullOnce(pinned, rule, { ...context, memory, connect: () => target })), reference };
}

/**
 * Finds out what a tag stands for: with one question for all who ask at the same time, each of them
 * being there before it is asked.
 */
async function resolveTag(
  reference: Reference,
  { connect, signal: own }: PullContext,
  memory: PullMemory,
): Promise<ResolvedTag> {
  const ask = async (signal: AbortSignal | undefined): Promise<ResolvedTag> => {
    const source = await connect(reference);
    const resolved = await resolveManifest(source, tagOrDigestOf(reference), signal === undefined ? {} : { signal });
    return { descriptor: resolved.descriptor, target: withManifest(source, resolved) };
  };
  const name = `${repositoryName(formatRepository(reference))}:${tagOrDigestOf(reference)}`;
  const flight = memory.tags.join(name, own, ask);
  try {
    return await flight.result;
  } catch (error) {
    if (flight.joined && dependsOnCaller(error, memory)) return ask(own);
    throw error;
  }
}

/**
 * Pulls what a digest names, unless the memory has it; with one pull for all who ask for it at the
 * same time.
 */
async function pullOnce(
  request: PullRequest & { readonly digest: Digest },
  rule: Rule,
  context: PullContext & { readonly memory: PullMemory },
): Promise<PulledProfile> {
  const { reference, kind, digest } = request;
  const { memory, store } = context;
  // By one name: who can spell a host in a thousand ways must not make a thousand pulls.
  const key = [kind, repositoryName(formatRepository(reference)), digest, context.policy.revision].join(' ');
  // What was taken out of the store, perhaps while a pull was under way, is not held in memory
  // either.
  const recalled = store === undefined || store.get(digest) !== undefined ? memory.recall(key) : undefined;
  if (recalled !== undefined) return { ...recalled, reference, cached: true };
  const flight = memory.flights.join(key, context.signal, async (signal) => {
    const pulled = await walk(request, rule, { ...context, signal });
    memory.remember(key, pulled);
    return pulled;
  });
  try {
    return { ...(await flight.result), reference };
  } catch (error) {
    if (flight.joined && dependsOnCaller(error, memory)) return walk(request, rule, context);
    throw error;
  }
}

/**
 * Whoever started a flight may have had worse credentials than we have: registries answer to those
 * as if nothing were there, too, and malformed ones fail before anything is asked.
 */
function dependsOnCaller(error: unknown, { sameCredentials }: PullMemory): boolean {
  return !sameCredentials && isKind(error, 'Unauthenticated', 'NotAllowed', 'NotFound', 'InvalidInput');
}

async function walk(request: PullRequest, rule: Rule, context: PullContext): Promise<PulledProfile> {
  const { store } = context;
  if (store === undefined || request.reference.digest === undefined) return pullFromRegistry(request, rule, context);
  let refusal: unknown;
  try {
    const stored = await takeFromStore(request, rule, context, store);
    if (stored !== undefined) return stored;
  } catch (error) {
    if (!isKind(error, 'SignatureInvalid')) throw error;
    refusal = error;
  }
  try {
    return await pullFromRegistry(request, rule, context);
  } catch (error) {
    // Without the registry, what the stored signatures lack is the better answer.
    throw refusal !== undefined && isKind(error, 'Unavailable') ? refusal : error;
  }
}

async function takeFromStore(
  { reference, kind }: PullRequest,
  rule: Rule,
  context: PullContext,
  store: Store,
): Promise<PulledProfile | undefined> {
  const record = reference.digest === undefined ? undefined : store.get(reference.digest);
  const name = repositoryName(formatRepository(reference));
  const pull = record?.pulls.find(({ repository }) => repository === name);
  if (record === undefined || pull === undefined) return undefined;
  const { descriptor } = record;
  const verification = verifySignatures(descriptor, reference, pull.signatures, rule);
  const read = await readVerified(store.fetcher, { descriptor, kind }, context).catch((error: unknown) => {
    if (isKind(error, 'NotFound')) return undefined; // damaged behind our back: pulled anew
    throw error;
  });
  return read && { reference, descriptor, ...read, verification, cached: true };
}

async function pullFromRegistry(request: PullRequest, rule: Rule, context: PullContext): Promise<PulledProfile> {
  const { reference } = request;
  const { budget, connect, signal } = context;
  if (budget === undefined) return pullFrom(await connect(reference), request, rule, context);
  return budget.spend(registryName(reference.registry), signal, async (metered) =>
    pullFrom(metered(await connect(reference)), request, rule, context),
  );
}

async function pullFrom(
  source: ReadTarget,
  { reference, kind }: PullRequest,
  rule: Rule,
  context: PullContext,
): Promise<PulledProfile> {
  const { store, signal, turns } = context;
  const options = signal === undefined ? {} : { signal };
  await turns?.take();
  const resolved = await resolveManifest(source, tagOrDigestOf(reference), options);
  const { descriptor } = resolved;
  if (reference.digest !== undefined && descriptor.digest !== reference.digest) {
    throw new FairleadError('Conflict', `${reference.digest} was resolved to ${descriptor.digest}`, {
      hint: 'The registry is wrong or hostile. Nothing of it was used.',
    });
  }
  const target = withManifest(source, resolved);
  const { verification, signatures } = await verifyArtifact(target, { descriptor, reference, rule }, options);
  const read = await readVerified(target, { descriptor, kind }, context);
  await store?.put({
    artifact: read.artifact,
    kind,
    repository: repositoryName(formatRepository(reference)),
    signatures: worthKeeping(signatures, verification),
  });
  return { reference, descriptor, ...read, verification, cached: false };
}

async function readVerified(
  fetcher: Fetcher,
  { descriptor, kind }: { readonly descriptor: Descriptor; readonly kind: RuntimeKind },
  { policy: { limits }, turns, signal }: Pick<PullContext, 'policy' | 'turns' | 'signal'>,
): Promise<{ artifact: ProfileArtifact; profile: PublishedProfile }> {
  const artifact = await fetchArtifact(fetcher, descriptor, { artifactBytes: limits.artifactBytes, signal });
  await turns?.take();
  const profile = unpackArtifact(artifact, kind);
  validateArtifact(profile, limits);
  return { artifact, profile };
}

function isKind(error: unknown, ...kinds: FairleadError['kind'][]): boolean {
  return error instanceof FairleadError && kinds.includes(error.kind);
}
