import { profileMediaTypes } from '#lib/artifact/artifact';
import { FairleadError } from '#lib/errors';
import { possiblyNewest } from '#lib/node/find/newest-first';
import { pullProfile } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import { isResolved } from '#lib/profile/resolve-profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, formatRepository, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { HeldTag } from './held-tags.ts';
import type { Comparison, PublishDependencies, TagChange } from './publication.ts';

/**
 * For a profile that lists no architectures: this one has the calls of the others, and more, so
 * that no difference is missed.
 */
const native = nativeArchitecture('amd64');

/** The source of the policy that policyOf returns. */
const signerSource = 'the signer';

/** The tags of a repository that a new profile is published under. */
export interface TagsOfPublication {
  readonly reference: Reference;
  readonly tags: readonly TagChange[];
  /** The newest version before the published one. */
  readonly before?: HeldTag | undefined;
  /** The image that the profile is attached to. */
  readonly subject?: Descriptor | undefined;
}

/**
 * Compares a profile with each artifact that loses a tag to it. If its version is new and no tag
 * moves, it is compared with the version before it. A profile of an image that takes no tag from
 * another one is compared with the one that is attached to the image now. An artifact is read only
 * if it verifies under the policy, or, without one, is signed as the signer signs: otherwise anyone
 * who can write to the registry could make a loosened profile look unchanged. What prevents a
 * comparison is returned; only errors of the registry are thrown.
 */
export async function compareWithHeld(
  { profile, digest }: { readonly profile: RuntimeProfile; readonly digest: Digest },
  { reference, tags, before, subject }: TagsOfPublication,
  dependencies: PublishDependencies,
): Promise<readonly Comparison[]> {
  const replaced = new Map<Digest, string>();
  for (const { tag, holds, change } of tags) {
    if (change === 'moved' && holds !== undefined && !replaced.has(holds)) replaced.set(holds, tag);
  }
  const first = before?.holds;
  if (replaced.size === 0 && tags[0]?.change === 'created' && before !== undefined && first !== undefined) {
    replaced.set(first.digest, before.tag);
  }
  if (replaced.size === 0 && subject !== undefined) {
    return compareWithAttached({ profile, digest }, { reference, subject }, dependencies);
  }
  return Promise.all(
    [...replaced].map(([held, tag]) => compare(profile, { ...reference, tag, digest: held }, dependencies)),
  );
}

/**
 * Compares a profile with the newest one of its kind that is attached to an image and verifies. If
 * it is not known which one that is, compares it with each that may be. What does not verify is
 * left out: everyone who can write to the registry can attach it.
 */
async function compareWithAttached(
  { profile, digest }: { readonly profile: RuntimeProfile; readonly digest: Digest },
  { reference, subject }: { readonly reference: Reference; readonly subject: Descriptor },
  dependencies: PublishDependencies,
): Promise<readonly Comparison[]> {
  const { target, limits, signal } = dependencies;
  const { registry, repository } = reference;
  const image = { registry, repository, digest: subject.digest };
  // What is attached a moment ago decides, and mirrors may not have it.
  const source: ReadTarget = {
    resolve: (name, options) => target.resolve(name, options),
    fetch: (descriptor, options) => target.fetch(descriptor, options),
    referrers: (descriptor, options) => target.referrers(descriptor, { ...options, fromOrigin: true }),
  };
  const policy = await readingPolicy(dependencies);
  if (policy === undefined) {
    const artifactType = profileMediaTypes[profile.kind];
    const attached = await source.referrers(subject, { artifactType, ...(signal && { signal }) });
    return attached.some((each) => each.digest !== digest) ? [{ reference: image, problem: unverifiable }] : [];
  }
  const { profilesOf } = await import('#lib/node/find/find-profiles');
  const found = await profilesOf([{ descriptor: subject }], image, source, {
    policy: { ...policy, limits },
    ...(signal && { signal }),
  });
  if (found.unexamined > 0) {
    return [{ reference: image, problem: `it has ${found.unexamined} more referrers than are examined` }];
  }
  const ofKind = found.profiles.filter(({ kind }) => kind === profile.kind);
  if (ofKind.some(({ descriptor }) => descriptor.digest === digest)) return [];
  return possiblyNewest(ofKind).map(({ reference: attached, pulled }) => comparison(profile, attached, pulled));
}

/** Returns a policy that allows what the signer signs; undefined if that cannot be verified. */
async function policyOf(signer: Signer | undefined): Promise<TrustPolicy | undefined> {
  const require = await signer?.requirements();
  if (require === undefined) return undefined;
  return { source: signerSource, rules: [{ match: '**', require, unsigned: false, isImplied: true }], revision: '' };
}

async function compare(
  profile: RuntimeProfile,
  reference: PinnedReference & { readonly tag: string },
  dependencies: PublishDependencies,
): Promise<Comparison> {
  const held = await pullHeld(reference, profile.kind, dependencies);
  return 'problem' in held ? { reference, problem: held.problem } : comparison(profile, reference, held);
}

function comparison(profile: RuntimeProfile, reference: PinnedReference, held: PulledProfile): Comparison {
  if (!isResolved(held.profile)) return { reference, problem: 'what it permits depends on the container' };
  return { reference, diff: diffProfiles(held.profile, profile, native), verification: held.verification };
}

const unverifiable = 'there is neither a policy nor a signer to verify it with';

/** Returns the given policy, or otherwise one that allows what the signer signs. */
async function readingPolicy({ policy, signer }: PublishDependencies): Promise<TrustPolicy | undefined> {
  return policy ?? policyOf(await signer);
}

/**
 * Pulls what the repository holds, if it verifies under the policy, or, without one, is signed as
 * the signer signs. Returns why it cannot be used instead; only errors of the registry are thrown.
 */
export async function pullHeld(
  reference: PinnedReference,
  kind: RuntimeKind,
  dependencies: PublishDependencies,
): Promise<PulledProfile | { readonly problem: string }> {
  const policy = await readingPolicy(dependencies);
  if (policy === undefined) return { problem: unverifiable };
  const { target, limits, signal } = dependencies;
  const options = signal === undefined ? {} : { signal };
  try {
    return await pullProfile({ reference, kind }, { policy: { ...policy, limits }, connect: () => target, ...options });
  } catch (error) {
    if (!(error instanceof FairleadError) || !isAboutArtifact(error)) throw error;
    // Without a policy, the rule is our own: its name says nothing.
    const isOurs = policy.source === signerSource && error.kind === 'SignatureInvalid';
    return { problem: isOurs ? 'it has no signature of this signer' : error.summary };
  }
}

/** Reports whether an error is about what the registry holds, not about the registry. */
function isAboutArtifact({ kind }: FairleadError): boolean {
  return (
    kind === 'SignatureInvalid' ||
    kind === 'ProfileInvalid' ||
    kind === 'NotAllowed' ||
    kind === 'NotFound' ||
    kind === 'LimitExceeded'
  );
}

/**
 * Names an artifact that was compared with: `registry/repository:tag`, or, of an image,
 * `registry/repository@digest`.
 */
export function comparedName({ reference }: Comparison): string {
  return reference.tag === undefined ? formatReference(reference) : `${formatRepository(reference)}:${reference.tag}`;
}
