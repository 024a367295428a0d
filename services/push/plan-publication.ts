import type { ProfileArtifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { isSameManifest } from '#lib/artifact/same-manifest';
import { FairleadError } from '#lib/errors';
import { lintMeaning } from '#lib/profile/lint';
import type { RuntimeProfile } from '#lib/profile/profile';
import { validatePublication } from '#lib/profile/publication-violations';
import { readProfile } from '#lib/profile/read-profile';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { manifestBytesLimit, parseManifest } from '#lib/registry/manifest';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, LookupOptions, Target } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import { compareWithHeld } from './compare-with-held.ts';
import { type HeldTag, readTags } from './held-tags.ts';
import type { PublicationPlan, PublishDependencies, PublishRequest, TagChange } from './publication.ts';
import { runAnnotationKeys } from './run-annotations.ts';

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
  if (policy !== undefined) authorize(policy, reference, profile.kind);
  const findings = lintMeaning(profile);
  const [subject, { held, before }] = await Promise.all([
    findSubject(request, target, options),
    readTags(request, target, options),
  ]);
  const annotations = { ...request.runAnnotations, ...request.annotations };
  const packed = packArtifact(profile, {
    layout: 'runtime',
    content: bytes,
    title,
    annotations,
    subject,
    created: request.created,
  });
  const artifact = (await findEqual(packed, held[0], request, target, options)) ?? packed;
  const { digest } = artifact.descriptor;
  const tags = held.map((each) => changeOf(each, digest, request.allowOlder ?? false));
  const comparisons = await compareWithHeld(profile, { reference, tags, before }, dependencies);
  const { registry, repository } = reference;
  return { reference: { registry, repository, digest }, profile, findings, artifact, tags, comparisons };
}

function validateRequest(
  { reference, version, provenance, failOn }: PublishRequest,
  { signer, policy }: PublishDependencies,
): void {
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', `cannot publish to a digest: ${formatReference(reference)}`, {
      hint: 'Name a tag (registry/repository:tag), or only the repository: the digest follows from the profile.',
    });
  }
  if (version !== undefined && reference.tag !== undefined) {
    throw new FairleadError('InvalidInput', `${formatReference(reference)} has a tag, and there is a version`, {
      hint: `Leave out the tag: the version determines it. Or leave out \`version\`.`,
    });
  }
  refuseReservedTag(reference.tag);
  if (provenance !== undefined && signer === undefined) {
    throw new FairleadError('InvalidInput', 'provenance must be signed, but there is no signer', {
      hint: 'Sign with a key or an identity, or leave out `provenance`.',
    });
  }
  if (failOn !== undefined && signer === undefined && policy === undefined) {
    throw new FairleadError('InvalidInput', `\`failOn\` needs a policy or a signer, to verify what the tag holds now`, {
      hint: 'Sign with a key or an identity, or add `policy`.',
    });
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
  const profile = readProfile(bytes, source ?? title);
  validatePublication(profile, limits);
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

/**
 * Returns the artifact that the tag holds, if it is the packed one, or differs only in annotations
 * of another run. The second has another digest, and would be published at each run.
 */
async function findEqual(
  packed: ProfileArtifact,
  primary: HeldTag | undefined,
  { annotations = {} }: PublishRequest,
  target: Target,
  options: CallOptions,
): Promise<ProfileArtifact | undefined> {
  const descriptor = primary?.holds;
  if (descriptor?.mediaType !== mediaTypes.manifest) return undefined;
  if (descriptor.digest === packed.descriptor.digest || descriptor.size > manifestBytesLimit) return undefined;
  const manifestBytes = await fetchBytes(target, descriptor, { limit: manifestBytesLimit, ...options });
  try {
    const manifest = parseManifest(manifestBytes);
    const except = new Set(runAnnotationKeys.filter((key) => !Object.hasOwn(annotations, key)));
    if (!isSameManifest(manifest, packed.manifest, except)) return undefined;
    const { artifactType } = manifest;
    const { mediaType, digest, size } = descriptor;
    return {
      ...packed,
      descriptor: { mediaType, digest, size, ...(artifactType === undefined ? {} : { artifactType }) },
      manifest,
      manifestBytes,
    };
  } catch (error) {
    // Whatever else the tag holds is replaced.
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

function changeOf({ tag, holds, newer }: HeldTag, digest: string, allowOlder: boolean): TagChange {
  if (newer !== undefined && !allowOlder) {
    return { tag, ...(holds && { holds: holds.digest }), change: 'kept', newer };
  }
  if (holds === undefined) return { tag, change: 'created' };
  return { tag, holds: holds.digest, change: holds.digest === digest ? 'unchanged' : 'moved' };
}
