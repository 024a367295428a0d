import type { ProfileArtifact } from '#lib/artifact/artifact';
import { fetchArtifact } from '#lib/artifact/fetch-artifact';
import { unpackArtifact } from '#lib/artifact/unpack-artifact';
import { FairleadError } from '#lib/errors';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import { validateArtifact } from '#lib/profile/validate-artifact';
import type { Descriptor } from '#lib/registry/descriptor';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import type { Fetcher, ReadTarget } from '#lib/registry/target';
import type { Rule } from '#lib/trust/policy/policy';
import type { Signature } from '#lib/trust/signature/signature';
import { verifyArtifact } from '#lib/trust/verify/verify-artifact';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import type { Store } from '../store/store.ts';
import type { StoredArtifact } from '../store/stored-artifact.ts';
import { worthKeeping } from '../store/worth-keeping.ts';
import { askRegistry } from './ask-registry.ts';
import type { PullDependencies } from './pull-dependencies.ts';
import type { PulledProfile, PullRequest } from './pulled-profile.ts';
import { firstVerified, signedDescriptors } from './signed-descriptors.ts';

/**
 * Returns a profile that satisfies a rule. If the reference has a digest, and the artifact was
 * pulled from this repository before, it comes from the store, and its stored signatures are
 * verified again. Otherwise, or if they do not satisfy the rule any more, it comes from the
 * registry: resolve, signatures, content, format. Only what has passed all of this is stored.
 * Throws SignatureInvalid, ProfileInvalid, and the errors of the registry's client.
 */
export async function pullVerified(
  request: PullRequest,
  rule: Rule,
  dependencies: PullDependencies,
): Promise<PulledProfile> {
  const { store } = dependencies;
  if (store === undefined || request.reference.digest === undefined) {
    return askRegistry(request.reference, dependencies, (source) => pullFrom(source, request, rule, dependencies));
  }
  let refusal: unknown;
  try {
    const stored = await takeFromStore(request, rule, dependencies, store);
    if (stored !== undefined) return stored;
  } catch (error) {
    if (!isKind(error, 'SignatureInvalid')) throw error;
    refusal = error;
  }
  try {
    return await askRegistry(request.reference, dependencies, (source) =>
      pullFrom(source, request, rule, dependencies),
    );
  } catch (error) {
    // Without the registry, what the stored signatures lack is the better answer.
    throw refusal !== undefined && isKind(error, 'Unavailable') ? refusal : error;
  }
}

async function takeFromStore(
  { reference, kind }: PullRequest,
  rule: Rule,
  dependencies: PullDependencies,
  store: Store,
): Promise<PulledProfile | undefined> {
  const record = reference.digest === undefined ? undefined : store.get(reference.digest);
  if (record === undefined) return undefined;
  const { descriptor } = record;
  const signatures = storedSignatures(record, reference, rule, dependencies);
  if (signatures === undefined) return undefined;
  try {
    const signed = await signedDescriptors(store.fetcher, descriptor, dependencies.signal);
    const verification = await firstVerified(signed, (each) => verifySignatures(each, reference, signatures, rule));
    const read = await readVerified(store.fetcher, { descriptor, kind }, dependencies);
    return { reference, descriptor, ...read, verification, cached: true };
  } catch (error) {
    if (isKind(error, 'NotFound')) return undefined; // damaged on disk: pulled again
    throw error;
  }
}

/**
 * Returns the signatures of a stored artifact that were found in the repository. Returns undefined
 * if it was pulled from other repositories only, unless the caller must show that this one has it
 * too, and the rule asks for no signature: whether one is there must not depend on what the node
 * has.
 */
function storedSignatures(
  { pulls }: StoredArtifact,
  reference: Reference,
  rule: Rule,
  { caller, admitted }: Pick<PullDependencies, 'caller' | 'admitted'>,
): readonly Signature[] | undefined {
  const name = repositoryName(formatRepository(reference));
  const pull = pulls.find(({ repository }) => repository === name);
  const mustShow = caller !== undefined && !admitted;
  return pull === undefined && mustShow && rule.unsigned ? [] : pull?.signatures;
}

async function pullFrom(
  source: ReadTarget,
  { reference, kind }: PullRequest,
  rule: Rule,
  dependencies: PullDependencies,
): Promise<PulledProfile> {
  const { store, signal, turns, caller } = dependencies;
  const name = formatRepository(reference);
  const options = signal === undefined ? {} : { signal };
  await turns?.take();
  const resolved = await resolveManifest(source, tagOrDigestOf(reference), options).catch((error: unknown) => {
    // No manifest of a profile is that long: no other attempt makes it shorter.
    if (!isKind(error, 'LimitExceeded')) throw error;
    throw new FairleadError('ProfileInvalid', error.message, { cause: error });
  });
  const { descriptor } = resolved;
  if (reference.digest !== undefined && descriptor.digest !== reference.digest) {
    throw new FairleadError('Conflict', `${reference.digest} was resolved to ${descriptor.digest}`, {
      hint: 'The registry is wrong or hostile. Nothing of it was used.',
    });
  }
  const target = withManifest(source, resolved);
  const signed = await signedDescriptors(target, descriptor, signal);
  const { verification, signatures } = await firstVerified(signed, (each) =>
    verifyArtifact(target, { descriptor: each, reference, rule }, options),
  );
  const read = await readVerified(target, { descriptor, kind }, dependencies);
  await store?.put({
    artifact: read.artifact,
    kind,
    ...{ repository: repositoryName(name), name, caller },
    signatures: worthKeeping(signatures, verification),
  });
  return { reference, descriptor, ...read, verification, cached: false };
}

async function readVerified(
  fetcher: Fetcher,
  { descriptor, kind }: { readonly descriptor: Descriptor; readonly kind: RuntimeKind },
  { policy: { limits }, turns, signal }: Pick<PullDependencies, 'policy' | 'turns' | 'signal'>,
): Promise<{ artifact: ProfileArtifact; profile: PublishedProfile }> {
  const artifact = await fetchArtifact(fetcher, descriptor, { artifactBytes: limits.artifactBytes, signal });
  await turns?.take();
  const profile = unpackArtifact(artifact, kind);
  validateArtifact(profile, limits);
  return { artifact, profile };
}

function isKind(error: unknown, kind: FairleadError['kind']): error is FairleadError {
  return error instanceof FairleadError && error.kind === kind;
}
