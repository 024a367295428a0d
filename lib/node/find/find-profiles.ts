import { profileMediaTypes } from '#lib/artifact/artifact';
import { profileAnnotations } from '#lib/artifact/describe-profile';
import { type ErrorKind, FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Descriptor, mediaTypes, type Platform } from '#lib/registry/descriptor';
import { resolveManifest, withManifest } from '#lib/registry/one-request';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { CallOptions, ReadTarget } from '#lib/registry/target';
import {
  type AnyKindDependencies,
  authorizeAnyKind,
  pullResolved,
  type ResolvedProfile,
  resolveProfileManifest,
} from '../pull/pull-any-kind.ts';
import type { PulledProfile } from '../pull/pulled-profile.ts';
import { type ImageSubject, imageSubjects } from './image-subjects.ts';
import { newestFirst } from './newest-first.ts';

/** The container image whose profiles are wanted. */
export interface FindRequest {
  /** With tag or digest. */
  readonly image: Reference;
  /** Only profiles for this platform, and for all platforms. */
  readonly platform?: Platform | undefined;
}

/** A profile that is attached to an image, and that the policy allows. */
export interface FoundProfile {
  /** By digest: what a pod names. */
  readonly reference: PinnedReference;
  readonly descriptor: Descriptor;
  readonly kind: RuntimeKind;
  /** The manifest that it is attached to: the image, or that of one platform. */
  readonly subject: ImageSubject;
  /** What its publisher calls it. */
  readonly name?: string;
  readonly version?: string;
  readonly summary?: string;
  /** When it was signed, as witnesses verified, or else created, as its publisher states. */
  readonly time?: { readonly at: string; readonly of: 'signature' | 'creation' };
  readonly pulled: PulledProfile;
}

/** What is listed as a profile of an image, and may not be used. */
export interface RefusedReferrer {
  readonly reference: PinnedReference;
  readonly subject: ImageSubject;
  readonly error: FairleadError;
}

/** The profiles of an image. */
export interface FoundProfiles {
  /** With the digest that its tag named. */
  readonly image: PinnedReference;
  /** The newest first (newestFirst). */
  readonly profiles: readonly FoundProfile[];
  readonly refused: readonly RefusedReferrer[];
  /** How many referrers were not examined, because there are too many. */
  readonly unexamined: number;
}

/** An entry of a list of referrers that may be a profile. */
interface Candidate {
  readonly listed: Descriptor;
  readonly subject: ImageSubject;
}

/**
 * Most referrers that are examined. Each costs several requests, and anyone with write access to
 * the repository may attach more.
 */
const candidatesLimit = 256;
const concurrency = 8;

/** The kinds of errors that are about one referrer; others end the search. */
const refusals: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  ...(['Conflict', 'InvalidInput', 'LimitExceeded', 'NotAllowed'] as const),
  ...(['NotFound', 'ProfileInvalid', 'SignatureInvalid'] as const),
]);

/**
 * Finds the profiles that are attached to a container image: artifacts in its repository whose
 * subject is the image or, of an index, one of its platforms. Each is pulled as nodes pull it, by
 * its digest; what registries list is only a claim. Nothing is requested unless the policy allows
 * profiles from this repository. Throws NotAllowed, NotFound if there is no such image, and as
 * imageSubjects and the registry's client do.
 */
export async function findProfiles(
  { image, platform }: FindRequest,
  dependencies: AnyKindDependencies,
): Promise<FoundProfiles> {
  const { policy, connect, signal } = dependencies;
  authorizeAnyKind(policy, image);
  const options = signal === undefined ? {} : { signal };
  const source = await connect(image);
  const resolved = await resolveManifest(source, tagOrDigestOf(image), options);
  const { digest } = resolved.descriptor;
  if (image.digest !== undefined && image.digest !== digest) {
    throw new FairleadError('Conflict', `${image.digest} was resolved to ${digest}`, {
      hint: 'The registry is wrong or hostile. Nothing of it was used.',
    });
  }
  const pinned = { ...image, digest };
  const subjects = await imageSubjects(withManifest(source, resolved), resolved.descriptor, {
    ...options,
    name: formatReference(pinned),
    platform,
  });
  return { image: pinned, ...(await profilesOf(subjects, pinned, source, dependencies)) };
}

/** Finds the profiles that are attached to manifests of an image, as findProfiles does. */
export async function profilesOf(
  subjects: readonly ImageSubject[],
  image: PinnedReference,
  source: ReadTarget,
  dependencies: Omit<AnyKindDependencies, 'connect'>,
): Promise<Omit<FoundProfiles, 'image'>> {
  const { signal } = dependencies;
  const candidates = await listCandidates(source, subjects, signal === undefined ? {} : { signal });
  const examined = candidates.slice(0, candidatesLimit);
  const results = await inBatches(examined, (candidate) =>
    examine(candidate, image, source, { ...dependencies, connect: () => source }),
  );
  return {
    profiles: newestFirst(results.flatMap((result) => (result && 'pulled' in result ? [result] : []))),
    refused: results.flatMap((result) => (result && 'error' in result ? [result] : [])),
    unexamined: candidates.length - examined.length,
  };
}

/**
 * Lists what may be a profile, what is named as one first. The type in a list depends on who wrote
 * it: an entry without a usable one may be a profile.
 */
async function listCandidates(
  source: ReadTarget,
  subjects: readonly ImageSubject[],
  options: CallOptions,
): Promise<readonly Candidate[]> {
  const lists = await inBatches(subjects, async (subject) => {
    const listed = await source.referrers(subject.descriptor, options);
    return listed.map((each): Candidate => ({ listed: each, subject }));
  });
  const candidates = new Map(
    lists.flat().map((each) => [`${each.subject.descriptor.digest} ${each.listed.digest}`, each]),
  );
  const ordered = Map.groupBy(candidates.values(), namedAs);
  return [...(ordered.get('profile') ?? []), ...(ordered.get('nothing') ?? [])];
}

const profileTypes: ReadonlySet<string> = new Set(Object.values(profileMediaTypes));

function namedAs({ listed: { mediaType, artifactType } }: Candidate): 'profile' | 'nothing' | 'other' {
  if (mediaType !== mediaTypes.manifest) return 'other';
  if (artifactType === undefined || artifactType === mediaTypes.emptyConfig) return 'nothing';
  return profileTypes.has(artifactType) ? 'profile' : 'other';
}

/**
 * Pulls a candidate. Returns undefined for one that neither the list nor its manifest calls a
 * profile.
 */
async function examine(
  candidate: Candidate,
  image: PinnedReference,
  source: ReadTarget,
  dependencies: AnyKindDependencies,
): Promise<FoundProfile | RefusedReferrer | undefined> {
  const { listed, subject } = candidate;
  const { registry, repository } = image;
  const reference: PinnedReference = { registry, repository, digest: listed.digest };
  let resolved: ResolvedProfile | undefined;
  try {
    resolved = await resolveProfileManifest(source, listed.digest, dependencies);
    assertSubject(resolved, subject);
    const pulled = await pullResolved(reference, resolved, dependencies);
    return describe(pulled, { reference, subject });
  } catch (error) {
    if (!(error instanceof FairleadError) || !refusals.has(error.kind)) throw error;
    if (resolved === undefined && namedAs(candidate) === 'nothing') return undefined;
    return { reference, subject, error };
  }
}

/** Throws ProfileInvalid unless a profile is for the manifest whose referrer it is listed as. */
function assertSubject({ descriptor, manifest }: ResolvedProfile, { descriptor: { digest } }: ImageSubject): void {
  if (manifest.subject?.digest === digest) return;
  const names = manifest.subject === undefined ? 'has no subject' : `names ${manifest.subject.digest} as its subject`;
  throw new FairleadError(
    'ProfileInvalid',
    `${descriptor.digest} is listed as a referrer of ${digest}, but its manifest ${names}`,
  );
}

function describe(
  pulled: PulledProfile,
  { reference, subject }: Pick<FoundProfile, 'reference' | 'subject'>,
): FoundProfile {
  const { descriptor, profile, artifact, verification } = pulled;
  const annotations = artifact.manifest.annotations ?? {};
  const named = {
    name: annotations[profileAnnotations.name],
    version: annotations['org.opencontainers.image.version'],
    summary: annotations[profileAnnotations.summary],
  };
  const known = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
  const signedAt = verification.signatures.flatMap((signature) => signature.signedAt ?? []).sort()[0];
  const time = timeOf(signedAt, annotations['org.opencontainers.image.created']);
  return { reference, descriptor, kind: profile.kind, subject, ...known, ...(time && { time }), pulled };
}

function timeOf(signedAt: string | undefined, created: string | undefined): FoundProfile['time'] {
  if (signedAt !== undefined) return { at: signedAt, of: 'signature' };
  const time = /^\d{4}-\d\d-\d\dT/.test(created ?? '') ? Date.parse(created ?? '') : Number.NaN;
  return Number.isNaN(time) ? undefined : { at: new Date(time).toISOString(), of: 'creation' };
}

/** Calls a function for each item, a few at the same time; returns the results in order. */
async function inBatches<Item, Result>(
  items: readonly Item[],
  call: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += concurrency) {
    results.push(...(await Promise.all(items.slice(start, start + concurrency).map(call))));
  }
  return results;
}
