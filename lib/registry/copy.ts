import { type ErrorKind, FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import { type Digest, isDigest } from './digest.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { linksOf } from './graph.ts';
import { isManifestMediaType, manifestBytesLimit } from './manifest.ts';
import { pushTagged, type ResolvedManifest, resolveManifest } from './one-request.ts';
import { registryName } from './registry-name.ts';
import type { CallOptions, ReadTarget, Target } from './target.ts';

/** What copy takes along, and what it reports. */
export interface CopyOptions extends CallOptions {
  /**
   * Signatures, attestations and whatever else refers to what is copied come along, and what refers
   * to them.
   */
  readonly withReferrers: boolean;
  /** Called when a piece of content is at the target, for progress shown to people. */
  readonly onContent?: (descriptor: Descriptor, how: 'sent' | 'mounted' | 'present') => void;
  /**
   * Called for a referrer that the source does not have whole, and for a manifest whose list of
   * referrers cannot be read there: anybody who may push can write such a list. The rest is copied.
   * Absent: it ends the copy.
   */
  readonly onSkipped?: (descriptor: Descriptor, error: FairleadError) => void;
}

/** How many pieces of content are on their way at once. */
const concurrency = 6;
/** How deep indexes of indexes and referrers of referrers may lie: more is no honest graph. */
const depthLimit = 16;
/** Most manifests and blobs of one copy: each may list thousands more. */
const contentLimit = 100_000;

/**
 * Copies a manifest or index with all that it is made of from one repository to another, and with
 * its referrers where asked. What the target has is not sent again. A tag is set last, so that it
 * never stands on something incomplete or not yet signed. Gives the descriptor that the name stood
 * for. Rejects as the two targets do, and with LimitExceeded where the graph is deeper than 16, or
 * has more than 100,000 manifests and blobs.
 */
export async function copy(
  source: ReadTarget,
  target: Target,
  tagOrDigest: string,
  options: CopyOptions,
): Promise<Descriptor> {
  const call = options.signal === undefined ? {} : { signal: options.signal };
  const root = await resolveManifest(source, tagOrDigest, call);
  if (isDigest(tagOrDigest)) await copyAll(source, target, root, options, undefined);
  else await copyTagged(source, target, root, tagOrDigest, options);
  return root.descriptor;
}

/** What is wrong with content or a list itself, in contrast to a source that is out of reach. */
const unusable: readonly ErrorKind[] = ['NotFound', 'InvalidInput', 'LimitExceeded'];

function isUnusable(error: unknown): error is FairleadError {
  return error instanceof FairleadError && unusable.includes(error.kind);
}

/**
 * Copies what a descriptor names, as {@link copy} does, without any tag. The first failure ends the
 * rest.
 */
export async function copyGraph(
  source: ReadTarget,
  target: Target,
  root: Descriptor,
  options: CopyOptions,
): Promise<void> {
  await copyAll(source, target, { descriptor: root }, options, undefined);
}

/**
 * Copies what a descriptor names, and tags it: together with its manifest, where nothing is to come
 * between.
 */
async function copyTagged(
  source: ReadTarget,
  target: Target,
  root: ResolvedManifest,
  tag: string,
  options: CopyOptions,
): Promise<void> {
  let tagged = false;
  await copyAll(source, target, root, options, async (bytes, call) => {
    await pushTagged(target, root.descriptor, bytes, tag, call);
    tagged = true;
  });
  if (!tagged) await target.tag(root.descriptor, tag, options.signal === undefined ? {} : { signal: options.signal });
}

/**
 * `pushRoot` pushes the root, in place of the target's `push`, where nothing refers to it or its
 * parts.
 */
async function copyAll(
  source: ReadTarget,
  target: Target,
  { descriptor: root, bytes: rootBytes }: ResolvedManifest,
  options: CopyOptions,
  pushRoot: ((bytes: Uint8Array, call: CallOptions) => Promise<void>) | undefined,
): Promise<void> {
  const failed = new AbortController();
  const signal = options.signal === undefined ? failed.signal : AbortSignal.any([options.signal, failed.signal]);
  const call = { signal };
  const begun = new Map<Digest, Promise<void>>();
  const inTurn = limitConcurrency(concurrency, signal);
  let referred = false;

  const once = (descriptor: Descriptor, depth: number): Promise<void> => {
    const found = begun.get(descriptor.digest);
    if (found !== undefined) return found;
    if (begun.size >= contentLimit) {
      throw new FairleadError(
        'LimitExceeded',
        `${root.digest} has more than ${contentLimit} manifests and blobs below it`,
      );
    }
    const copying = isManifestMediaType(descriptor.mediaType) ? copyManifest(descriptor, depth) : copyBlob(descriptor);
    begun.set(descriptor.digest, copying);
    // What the source does not have may be part of a referrer only: whatever is made of it fails,
    // up to the referrer or the root.
    copying.catch((error: unknown) => {
      if (!isSkippable(error)) failed.abort(error);
    });
    return copying;
  };

  const { onSkipped } = options;
  /** What the source said of content that it does not have whole. */
  const ofSource = new Set<unknown>();
  const isSkippable = (error: unknown): error is FairleadError => ofSource.has(error);
  const reading = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (onSkipped !== undefined && isUnusable(error)) ofSource.add(error);
      throw error;
    }
  };
  const skip = (descriptor: Descriptor, error: unknown): void => {
    if (isSkippable(error)) onSkipped?.(descriptor, error);
  };

  const from = mountable(source, target);
  const arrived = options.onContent ?? (() => undefined);
  const copyBlob = (descriptor: Descriptor): Promise<void> =>
    inTurn(async () => {
      if (from !== undefined) {
        if (await target.exists(descriptor, call)) return arrived(descriptor, 'present');
        if (await from.mount(descriptor, from.repository, call)) return arrived(descriptor, 'mounted');
      }
      let opened = false;
      const open = (): Promise<AsyncIterable<Uint8Array>> => {
        opened = true;
        return reading(() => source.fetch(descriptor, call));
      };
      await target.push(descriptor, open, call);
      arrived(descriptor, opened ? 'sent' : 'present');
    });

  /** What the target listed as referrers of a subject when it was first asked. */
  const lists = new Map<Digest, Promise<Descriptor[]>>();
  const listAtTarget = (subject: Descriptor): Promise<Descriptor[]> =>
    target.referrers(subject, call).catch((error: unknown) => {
      if (isUnusable(error)) return []; // broken: who pushes a referrer writes it anew
      throw error;
    });
  const listAtSource = (subject: Descriptor): Promise<Descriptor[]> =>
    reading(() => source.referrers(subject, call)).catch((error: unknown) => {
      if (!isSkippable(error)) throw error;
      skip(subject, error);
      return [];
    });
  /**
   * Whether a manifest that is at the target is also listed there: whoever pushed it may have been
   * cut off in between.
   */
  const isListed = async ({ digest }: Descriptor, subject: Descriptor | undefined): Promise<boolean> => {
    if (subject === undefined) return true;
    const listing = lists.get(subject.digest) ?? inTurn(() => listAtTarget(subject));
    lists.set(subject.digest, listing);
    return (await listing).some((listed) => listed.digest === digest);
  };

  const copyManifest = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (depth > depthLimit) {
      throw new FairleadError(
        'LimitExceeded',
        `${descriptor.digest} lies more than ${depthLimit} levels below ${root.digest}`,
      );
    }
    const [present, referrers] = await Promise.all([
      inTurn(() => target.exists(descriptor, call)),
      options.withReferrers ? inTurn(() => listAtSource(descriptor)) : [],
    ]);
    if (referrers.length > 0) referred = true;
    const isRoot = depth === 0;
    const parts = !present || options.withReferrers;
    const bytes =
      (isRoot ? rootBytes : undefined) ??
      (parts || isRoot
        ? await inTurn(() => reading(() => fetchBytes(source, descriptor, { limit: manifestBytesLimit, signal })))
        : undefined);
    if (bytes !== undefined) {
      const { children, subject } = await reading(async () => linksOf(descriptor.mediaType, bytes, descriptor.digest));
      const manifests = children.filter(({ mediaType }) => isManifestMediaType(mediaType));
      // Of what is present the parts are too, but not the referrers of an index's manifests.
      if (parts) await Promise.all((present ? manifests : children).map((child) => once(child, depth + 1)));
      // Referrers may still be on their way here, those of parts too, and the tag is not to stand
      // before they are there.
      if (isRoot && !referred && pushRoot !== undefined) await inTurn(() => pushRoot(bytes, call));
      else if (!present || !(await isListed(descriptor, subject)))
        await inTurn(() => target.push(descriptor, bytes, call));
    }
    arrived(descriptor, present ? 'present' : 'sent');
    // Not waited for here: a list may claim anything, also that a manifest refers to itself.
    for (const referrer of referrers) once(referrer, depth + 1).catch((error: unknown) => skip(referrer, error));
  };

  once(root, 0).catch((error: unknown) => failed.abort(error));
  for (let finished = 0; finished < begun.size; ) {
    finished = begun.size;
    await Promise.allSettled(begun.values());
  }
  options.signal?.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** A target that can take blobs over from a repository of its own registry. */
interface Mounter {
  mount(descriptor: Descriptor, from: string, options: CallOptions): Promise<boolean>;
}

/**
 * The source's repository and the target's way to take blobs over from it, where both are of one
 * registry.
 */
function mountable(source: object, target: object): (Mounter & { readonly repository: string }) | undefined {
  if (!isOfRegistry(source) || !isOfRegistry(target) || registryName(source.registry) !== registryName(target.registry))
    return undefined;
  return {
    repository: source.repository,
    mount: (descriptor, from, options) => target.mount(descriptor, from, options),
  };
}

function isOfRegistry(target: object): target is Mounter & { readonly registry: string; readonly repository: string } {
  return 'mount' in target && 'registry' in target && 'repository' in target;
}

/**
 * Lets at most `limit` of the actions given to it run at a time; the others wait in order. None
 * begins once the signal has ended it all.
 */
function limitConcurrency(limit: number, signal: AbortSignal): <T>(action: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  /** Where the first that waits stands: to take it off a long list would take long. */
  let first = 0;
  return async (action) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      signal.throwIfAborted();
      return await action();
    } finally {
      const next = waiting[first++];
      if (next === undefined) {
        running--;
        first = waiting.length = 0;
      } else next();
    }
  };
}
