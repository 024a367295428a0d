import type { ProfileArtifact } from '#lib/artifact/artifact';
import { fetchOtherContent } from '#lib/artifact/other-content';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { recognizeLayout } from '#lib/artifact/recognize-layout';
import { FairleadError } from '#lib/errors';
import { lintMeaning } from '#lib/profile/lint';
import type { RuntimeProfile } from '#lib/profile/profile';
import { placesInRuntimeForm } from '#lib/profile/profile-places';
import { validatePublication } from '#lib/profile/publication-violations';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { ifThere } from '#lib/registry/if-there';
import { manifestBytesLimit, parseManifest } from '#lib/registry/manifest';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, LookupOptions, Target } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import { compareWithHeld, pullHeld } from './compare-with-held.ts';
import { type HeldTag, readTags } from './held-tags.ts';
import type { PublicationPlan, PublishDependencies, PublishRequest, TagChange } from './publication.ts';
import { createdKey, runAnnotationKeys } from './run-annotations.ts';

/**
 * Reads, checks and packs a profile, and returns what publishing it will do. Only reads. Throws as
 * publish does.
 */
export async function planPublication(
  bytes: Uint8Array,
  request: PublishRequest,
  dependencies: PublishDependencies,
): Promise<PublicationPlan> {
  const { reference, title } = request;
  const { target, policy, signal } = dependencies;
  const options = signal === undefined ? {} : { signal };

  validateRequest(request, dependencies);
  const profile = readPublishable(bytes, request, dependencies);
  dependencies.authorizePublisher?.(profile.kind);
  if (policy !== undefined) authorize(policy, reference, profile.kind);
  const findings = lintMeaning(profile);
  const [subject, { held, before }] = await Promise.all([
    findSubject(request, target, options),
    readTags(request, target, options),
  ]);
  const pack = (annotations: Readonly<Record<string, string>>): ProfileArtifact =>
    packArtifact(profile, { layout: 'runtime', content: bytes, title, annotations, subject });
  const created = request.created && { [createdKey]: request.created.toISOString() };
  const packed = pack({ ...created, ...request.runAnnotations, ...request.annotations });
  const manifests = await readReplaced(packed, held, target, options);
  const [primary] = held;
  const found = primary?.holds && manifests.get(primary.holds.digest);
  const artifact = (await findEqual(pack, found, request, dependencies)) ?? packed;
  const tags = held.map((each) => changeOf(each, artifact.descriptor.digest, request.allowOlder ?? false));
  for (const change of tags) {
    if (change.change !== 'moved' || change.holds === undefined) continue;
    const { holds } = held.find(({ tag }) => tag === change.tag) ?? {};
    await refuseOtherContent({ tag: change.tag, holds, found: manifests.get(change.holds) }, request, target, options);
  }
  const { digest } = artifact.descriptor;
  const comparisons = await compareWithHeld({ profile, digest }, { reference, tags, before, subject }, dependencies);
  const { registry, repository } = reference;
  const isHeld = primary === undefined ? await isThere(artifact, target, options) : tags[0]?.change === 'unchanged';
  return { reference: { registry, repository, digest }, profile, findings, artifact, isHeld, tags, comparisons };
}

/** Reports whether the repository has an artifact, which is published without a tag. */
async function isThere({ descriptor }: ProfileArtifact, target: Target, options: LookupOptions): Promise<boolean> {
  return (await ifThere(target.resolve(descriptor.digest, { ...options, fromOrigin: true }))) !== undefined;
}

function validateRequest(
  { reference, version, subject, provenance, failOn }: PublishRequest,
  { signer, policy }: PublishDependencies,
): void {
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', `cannot publish to a digest: ${formatReference(reference)}`, {
      hint: 'Name a tag (registry/repository:tag), or only the repository: the digest follows from the profile.',
    });
  }
  if (version !== undefined && reference.tag !== undefined) {
    throw new FairleadError(
      'InvalidInput',
      `${formatReference(reference)} has a tag, which a version cannot be used with`,
      {
        hint: `Leave out the tag: the version determines it. Or leave out \`version\`.`,
      },
    );
  }
  if (version !== undefined && subject !== undefined) {
    throw new FairleadError('InvalidInput', `a profile in the repository of its image cannot have a version`, {
      hint: 'The tags of a version would be those of the image. Leave out `version`: the profile is found by its image.',
    });
  }
  refuseReservedTag(reference.tag);
  if (provenance !== undefined && signer === undefined) {
    throw new FairleadError('InvalidInput', 'provenance must be signed, but there is no signer', {
      hint: 'Sign with a key or an identity, or leave out `provenance`.',
    });
  }
  if (failOn !== undefined && version === undefined && reference.tag === undefined && subject === undefined) {
    throw new FairleadError('InvalidInput', 'a profile without a tag replaces none that it could be compared with', {
      hint: 'Give it a `tag`, or leave out `failOn`.',
    });
  }
  if (failOn !== undefined && signer === undefined && policy === undefined) {
    throw new FairleadError(
      'InvalidInput',
      'comparing a profile with what its tag holds now needs a policy or a signer to verify that',
      {
        hint: 'Sign with a key or an identity, add `policy`, or leave out `failOn`.',
      },
    );
  }
}

/** Reads the profile, and verifies that every runtime takes it. Throws as publish does. */
function readPublishable(
  bytes: Uint8Array,
  { source, title }: PublishRequest,
  { limits }: PublishDependencies,
): RuntimeProfile {
  if (bytes.length > limits.artifactBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `the profile has ${bytes.length} bytes, more than the ${limits.artifactBytes} allowed`,
    );
  }
  const name = source ?? title ?? 'profile';
  const profile = { ...readProfile(bytes, name), places: placesInRuntimeForm(bytes, name) };
  validatePublication(profile, limits, name);
  return profile;
}

/** Returns the manifest of the image that the profile is for. Throws NotFound, naming the image. */
async function findSubject(
  { reference, subject }: PublishRequest,
  target: Target,
  options: LookupOptions,
): Promise<Descriptor | undefined> {
  if (subject === undefined) return undefined;
  try {
    return await target.resolve(subject, { ...options, fromOrigin: true });
  } catch (cause) {
    if (!(cause instanceof FairleadError) || cause.kind !== 'NotFound') throw cause;
    throw new FairleadError('NotFound', `no image ${formatRepository(reference)}@${subject}`, {
      cause,
      hint: 'Push the image first. A profile is in the repository of the image that it is for.',
    });
  }
}

/** A manifest that a tag holds. */
interface HeldManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
}

/** Fetches each manifest that tags of the publication hold, except the packed one, by digest. */
async function readReplaced(
  packed: ProfileArtifact,
  held: readonly HeldTag[],
  target: Target,
  options: CallOptions,
): Promise<ReadonlyMap<Digest, HeldManifest>> {
  const descriptors = new Map(held.flatMap(({ holds }) => (holds === undefined ? [] : [[holds.digest, holds]])));
  descriptors.delete(packed.descriptor.digest);
  const found = await Promise.all([...descriptors.values()].map((each) => heldManifest(each, target, options)));
  return new Map(found.flatMap((each) => (each === undefined ? [] : [[each.descriptor.digest, each]])));
}

/** Fetches a manifest that a tag holds; undefined if it is not an OCI image manifest. */
async function heldManifest(
  descriptor: Descriptor | undefined,
  target: Target,
  options: CallOptions,
): Promise<HeldManifest | undefined> {
  if (descriptor?.mediaType !== mediaTypes.manifest || descriptor.size > manifestBytesLimit) return undefined;
  const bytes = await fetchBytes(target, descriptor, { limit: manifestBytesLimit, ...options });
  try {
    return { descriptor, bytes, manifest: parseManifest(bytes) };
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

/**
 * Refuses to give a tag that holds an image, or anything else that is not a profile, to a profile:
 * the command line probably names the wrong repository. Throws Conflict.
 */
async function refuseOtherContent(
  {
    tag,
    holds,
    found,
  }: { readonly tag: string; readonly holds: Descriptor | undefined; readonly found: HeldManifest | undefined },
  { reference }: PublishRequest,
  target: Target,
  options: CallOptions,
): Promise<void> {
  if (holds === undefined || (found !== undefined && isProfileManifest(found.manifest, holds.digest))) return;
  const content = await otherContentOf(holds, target, options);
  throw new FairleadError(
    'Conflict',
    `${formatRepository(reference)}:${tag} is not a profile: it is ${content === undefined ? '' : `${content}, `}${holds.digest}`,
    { hint: 'Choose another repository or tag. To use this tag for a profile, remove it first.' },
  );
}

/** Returns what a tag holds, such as `a container image`; undefined if that is not known. */
async function otherContentOf(holds: Descriptor, target: Target, options: CallOptions): Promise<string | undefined> {
  try {
    return await fetchOtherContent(target, holds, options);
  } catch (error) {
    if (error instanceof FairleadError && error.kind !== 'Unavailable') return undefined;
    throw error;
  }
}

function isProfileManifest(manifest: Manifest, name: string): boolean {
  try {
    recognizeLayout(manifest, name);
    return true;
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'ProfileInvalid') return false;
    throw error;
  }
}

/**
 * Returns the artifact that the tag holds, if it is what was packed with annotations of another
 * run: its digest is another one, and without this the profile would be published at each run. It
 * has exactly the bytes that are packed with those annotations, and it verifies. Otherwise what
 * another client wrote, for readers that take other members of a manifest, would be signed.
 */
async function findEqual(
  pack: (annotations: Readonly<Record<string, string>>) => ProfileArtifact,
  held: HeldManifest | undefined,
  { reference, annotations }: PublishRequest,
  dependencies: PublishDependencies,
): Promise<ProfileArtifact | undefined> {
  const given = Object.entries(held?.manifest.annotations ?? {});
  const ofRun = Object.fromEntries(given.filter(([key]) => runAnnotationKeys.includes(key)));
  if (held === undefined) return undefined;
  const packed = pack({ ...ofRun, ...annotations });
  const { digest } = packed.descriptor;
  if (digest !== held.descriptor.digest) return undefined;
  // Without a signature, its author is not known: to publish it again would change nothing.
  if (dependencies.signer === undefined && dependencies.policy === undefined) return packed;
  const { registry, repository } = reference;
  const verified = await pullHeld({ registry, repository, digest }, packed.kind, dependencies);
  return 'problem' in verified ? undefined : packed;
}

function changeOf({ tag, holds, newer }: HeldTag, digest: string, allowOlder: boolean): TagChange {
  if (newer !== undefined && !allowOlder) {
    return { tag, ...(holds && { holds: holds.digest }), change: 'kept', newer };
  }
  if (holds === undefined) return { tag, change: 'created' };
  if (holds.digest === digest) return { tag, holds: holds.digest, change: 'unchanged' };
  return { tag, holds: holds.digest, change: 'moved', ...(newer !== undefined && { newer }) };
}
