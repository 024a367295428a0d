import { FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import { isResolved } from '#lib/profile/resolve-profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatRepository, type Reference } from '#lib/registry/reference';
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
}

/**
 * Compares a profile with each artifact that loses a tag to it. If its version is new and no tag
 * moves, it is compared with the version before it. An artifact is read only if it verifies under
 * the policy, or, without one, is signed as the signer signs: otherwise anyone who can write to the
 * registry could make a loosened profile look unchanged. What prevents a comparison is returned;
 * only errors of the registry are thrown.
 */
export async function compareWithHeld(
  profile: RuntimeProfile,
  { reference, tags, before }: TagsOfPublication,
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
  return Promise.all(
    [...replaced].map(([digest, tag]) => compare(profile, { ...reference, tag, digest }, dependencies)),
  );
}

/** Returns a policy that allows what the signer signs; undefined if that cannot be verified. */
async function policyOf(signer: Signer | undefined): Promise<TrustPolicy | undefined> {
  const require = await signer?.requirements();
  if (require === undefined) return undefined;
  return { source: signerSource, rules: [{ match: '**', require, unsigned: false }], revision: '' };
}

async function compare(
  profile: RuntimeProfile,
  reference: PinnedReference & { readonly tag: string },
  dependencies: PublishDependencies,
): Promise<Comparison> {
  const held = await pullHeld(reference, profile.kind, dependencies);
  if ('problem' in held) return { reference, problem: held.problem };
  if (!isResolved(held.profile)) return { reference, problem: 'what it permits depends on the container' };
  return { reference, diff: diffProfiles(held.profile, profile, native), verification: held.verification };
}

/**
 * Pulls what the repository holds, if it verifies under the policy, or, without one, is signed as
 * the signer signs. Returns why it cannot be used instead; only errors of the registry are thrown.
 */
export async function pullHeld(
  reference: PinnedReference,
  kind: RuntimeKind,
  { target, limits, policy: given, signer, signal }: PublishDependencies,
): Promise<PulledProfile | { readonly problem: string }> {
  const policy = given ?? (await policyOf(await signer));
  if (policy === undefined) return { problem: 'there is neither a policy nor a signer to verify it with' };
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

/** Names an artifact that was compared with: `registry/repository:tag`. */
export function comparedName({ reference }: Comparison): string {
  return `${formatRepository(reference)}:${reference.tag}`;
}
