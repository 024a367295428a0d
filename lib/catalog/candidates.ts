import { profileMediaTypes } from '#lib/artifact/artifact';
import { forEachOf } from '#lib/concurrency/for-each-of';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { imageSubjects } from '#lib/node/find/image-subjects';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { listTags } from '#lib/registry/list-tags';
import { formatReference, formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, ReadTarget, TagLister } from '#lib/registry/target';
import { catalogLimits } from './format.ts';
import { type SourceRepository, unlessGone } from './sources.ts';
import { compareTags } from './version-order.ts';

/** A repository to read profiles from. */
export type SourceTarget = ReadTarget & TagLister;

/** An artifact that may be a profile. */
export interface Candidate {
  readonly registry: string;
  readonly repository: string;
  readonly descriptor: Descriptor;
  /** The newest version first. */
  readonly tags: readonly string[];
  /** The image that it is listed as a referrer of. */
  readonly subject?: Digest;
}

/** An artifact, image or repository that is not in the catalog, and why. */
export interface RefusedSource {
  readonly reference: Reference;
  readonly error: FairleadError;
}

/** What collectCandidates works with. */
export interface CandidateDependencies {
  readonly connect: (reference: Pick<Reference, 'registry' | 'repository'>) => SourceTarget;
  /** Throws NotAllowed for a repository that no rule of the policy covers. */
  readonly authorize: (reference: Pick<Reference, 'registry' | 'repository'>) => void;
  readonly signal?: AbortSignal | undefined;
}

/** How many repositories, tags or images are asked for at the same time. */
export const sourceConcurrency = 32;

/** The kinds of errors that are about one artifact or repository; others end the build. */
const refusals: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  ...(['Conflict', 'InvalidInput', 'LimitExceeded', 'NotAllowed'] as const),
  ...(['NotFound', 'ProfileInvalid', 'SignatureInvalid'] as const),
]);

/**
 * Runs a step for one artifact, image or repository. What it is refused for is added to `refused`;
 * an error of a registry is thrown: a catalog without what a registry did not answer for would be
 * incomplete without a trace.
 */
export async function orRefuse<T>(
  reference: Reference,
  refused: RefusedSource[],
  run: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof FairleadError) || !refusals.has(error.kind)) throw error;
    refused.push({ reference, error });
    return undefined;
  }
}

/**
 * Collects what may be a profile: what the tags of the repositories point to, and the referrers of
 * the images. Each artifact is there once, with all of its tags. Rejects as registries do.
 */
export async function collectCandidates(
  repositories: readonly SourceRepository[],
  images: readonly Reference[],
  dependencies: CandidateDependencies,
): Promise<{ readonly candidates: readonly Candidate[]; readonly refused: readonly RefusedSource[] }> {
  const refused: RefusedSource[] = [];
  const found = new CandidateSet();
  const tagged: { readonly source: SourceRepository; readonly target: SourceTarget; readonly tag: string }[] = [];
  const options: CallOptions = dependencies.signal === undefined ? {} : { signal: dependencies.signal };
  await forEachOf(repositories, sourceConcurrency, async (source) => {
    const { registry, repository } = source;
    await orRefuse({ registry, repository }, refused, async () => {
      dependencies.authorize(source);
      const target = dependencies.connect(source);
      const tags = await unlessGone(source, listTags(target, options), []);
      for (const tag of tags) if (!isReservedTag(tag)) tagged.push({ source, target, tag });
    });
  });
  await forEachOf(tagged, sourceConcurrency, async ({ source: { registry, repository }, target, tag }) => {
    await orRefuse({ registry, repository, tag }, refused, async () => {
      found.add({ registry, repository, descriptor: await target.resolve(tag, options), tags: [tag] });
    });
  });
  await forEachOf(images, sourceConcurrency, async (image) => {
    await orRefuse(image, refused, async () => {
      for (const candidate of await attachedTo(image, dependencies, options)) found.add(candidate);
    });
  });
  return { candidates: found.sorted(), refused };
}

/** Returns what is listed as a profile of an image, or of a manifest of it, or without a type. */
async function attachedTo(
  image: Reference,
  { connect, authorize }: CandidateDependencies,
  options: CallOptions,
): Promise<readonly Candidate[]> {
  authorize(image);
  const target = connect(image);
  const resolved = await target.resolve(tagOrDigestOf(image), options);
  const subjects = await imageSubjects(target, resolved, { ...options, name: formatReference(image) });
  const lists = await Promise.all(
    subjects.map(async ({ descriptor: subject }) => {
      const listed = await target.referrers(subject, options);
      return listed.filter(mayBeProfile).map((descriptor) => ({ descriptor, subject: subject.digest }));
    }),
  );
  const { registry, repository } = image;
  return lists.flat().map((each) => ({ registry: registryName(registry), repository, tags: [], ...each }));
}

const profileTypes: ReadonlySet<string> = new Set(Object.values(profileMediaTypes));

function mayBeProfile({ mediaType, artifactType }: Descriptor): boolean {
  if (mediaType !== mediaTypes.manifest) return false;
  return artifactType === undefined || artifactType === mediaTypes.emptyConfig || profileTypes.has(artifactType);
}

/** Candidates, each artifact once. */
class CandidateSet {
  readonly #found = new Map<string, { readonly candidate: Candidate; readonly tags: Set<string> }>();

  add(candidate: Candidate): void {
    const id = `${formatRepository(candidate)}@${candidate.descriptor.digest}`;
    const known = this.#found.get(id);
    const tags = known?.tags ?? new Set();
    for (const tag of candidate.tags) tags.add(tag);
    this.#found.set(id, { candidate: { ...known?.candidate, ...candidate }, tags });
  }

  /**
   * Returns the candidates by repository and digest, so that results do not depend on timing; each
   * with the tags of its newest versions, if it has more than an entry may have.
   */
  sorted(): readonly Candidate[] {
    return [...this.#found]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, { candidate, tags }]) => ({
        ...candidate,
        tags: [...tags].sort(compareTags).slice(0, catalogLimits.tagsOfEntry),
      }));
  }
}
