import { type ErrorKind, FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import { type Digest, isDigest } from './digest.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { linksOf } from './graph.ts';
import { isManifestMediaType, manifestBytesLimit } from './manifest.ts';
import { pushTagged, type ResolvedManifest, resolveManifest } from './one-request.ts';
import { registryName } from './registry-name.ts';
import type { CallOptions, ReadTarget, Target } from './target.ts';

/** Options of copy and copyGraph. */
export interface CopyOptions extends CallOptions {
  /**
   * Also copies what refers to the content, such as signatures and attestations, and what refers to
   * those.
   */
  readonly withReferrers: boolean;
  /** All tags of the source, if they were listed after what is copied was resolved. */
  readonly sourceTags?: ReadonlySet<string>;
  /**
   * True if the target does not have what is copied, as far as is known: manifests are then sent
   * without asking, which costs as much. Blobs are never sent twice.
   */
  readonly isNew?: boolean;
  /** Called when a manifest or blob is at the target, to report progress. */
  readonly onContent?: (descriptor: Descriptor, how: 'sent' | 'mounted' | 'present') => void;
  /**
   * Called while a blob is sent, with the number of its bytes that were read from the source. It
   * begins again at 0 if the blob is sent again.
   */
  readonly onProgress?: (descriptor: Descriptor, bytes: number) => void;
  /**
   * Called for a referrer that is incomplete at the source, and for a manifest whose list of
   * referrers cannot be read there: anyone with push access can write such a list. The rest is
   * copied. Without it, the copy fails.
   */
  readonly onSkipped?: (descriptor: Descriptor, error: FairleadError) => void;
}

/** Manifests and blobs that are transferred at the same time. */
const concurrency = 6;
/** Deepest nesting of indexes and of referrers of referrers that is followed. */
const depthLimit = 16;
/** Most manifests and blobs of one copy: each manifest may list thousands more. */
const contentLimit = 100_000;

/**
 * Copies a manifest or index with its content from one repository to another, and with its
 * referrers if `withReferrers` is set. Content that the target has is not sent again. A tag is set
 * last, so that it never points to something incomplete or unsigned. Returns the descriptor that
 * `tagOrDigest` was resolved to. Rejects as the two targets do, and with LimitExceeded if the graph
 * is deeper than 16 levels or has more than 100,000 manifests and blobs.
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

/**
 * Kinds of errors that mean that content or a list itself is unusable, not that the source is
 * unreachable.
 */
const unusable: readonly ErrorKind[] = ['NotFound', 'InvalidInput', 'LimitExceeded'];

function isUnusable(error: unknown): error is FairleadError {
  return error instanceof FairleadError && unusable.includes(error.kind);
}

/**
 * Copies what a descriptor names, as {@link copy} does, without a tag. The first failure ends the
 * copy.
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
 * Copies what a descriptor names, as {@link copy} does, and tags it: in one request with its
 * manifest, if nothing must be sent between the two.
 */
export async function copyTagged(
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
 * `pushRoot` replaces the target's `push` for the root, if nothing refers to the root or its parts.
 */
async function copyAll(
  source: ReadTarget,
  target: Target,
  root: ResolvedManifest,
  options: CopyOptions,
  pushRoot: PushRoot | undefined,
): Promise<void> {
  await new GraphCopy(source, target, root, options, pushRoot).run();
}

type PushRoot = (bytes: Uint8Array, call: CallOptions) => Promise<void>;

/** One copy of a graph: a manifest or blob with several references to it is copied once. */
class GraphCopy {
  readonly #source: ReadTarget;
  readonly #target: Target;
  readonly #root: ResolvedManifest;
  readonly #options: CopyOptions;
  readonly #pushRoot: PushRoot | undefined;
  readonly #mounter: ReturnType<typeof mountable>;
  readonly #failed = new AbortController();
  readonly #call: { readonly signal: AbortSignal };
  readonly #inTurn: ReturnType<typeof limitConcurrency>;
  /** Copies that have begun, by digest. */
  readonly #begun = new Map<Digest, Promise<void>>();
  /** What the target listed as referrers of a subject when it was first asked. */
  readonly #lists = new Map<Digest, Promise<Descriptor[]>>();
  /** Errors that mean that the source does not have some content whole. */
  readonly #incomplete = new Set<unknown>();
  /** Whether something refers to the root or its parts. */
  #referred = false;

  constructor(
    source: ReadTarget,
    target: Target,
    root: ResolvedManifest,
    options: CopyOptions,
    pushRoot: PushRoot | undefined,
  ) {
    this.#source = source;
    this.#target = target;
    this.#root = root;
    this.#options = options;
    this.#pushRoot = pushRoot;
    this.#mounter = mountable(source, target);
    const { signal } = this.#failed;
    this.#call = { signal: options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]) };
    this.#inTurn = limitConcurrency(concurrency, this.#call.signal);
  }

  async run(): Promise<void> {
    this.#copyOnce(this.#root.descriptor, 0).catch((error: unknown) => this.#failed.abort(error));
    for (let finished = 0; finished < this.#begun.size; ) {
      finished = this.#begun.size;
      await Promise.allSettled(this.#begun.values());
    }
    this.#options.signal?.throwIfAborted();
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason;
  }

  #copyOnce(descriptor: Descriptor, depth: number): Promise<void> {
    const found = this.#begun.get(descriptor.digest);
    if (found !== undefined) return found;
    if (this.#begun.size >= contentLimit) {
      throw new FairleadError(
        'LimitExceeded',
        `${this.#root.descriptor.digest} has more than ${contentLimit} manifests and blobs below it`,
      );
    }
    const copying = isManifestMediaType(descriptor.mediaType)
      ? this.#copyManifest(descriptor, depth)
      : this.#copyBlob(descriptor);
    this.#begun.set(descriptor.digest, copying);
    // Incomplete content may be part of a referrer only: then everything that contains it fails, up
    // to that referrer or the root.
    copying.catch((error: unknown) => {
      if (!this.#incomplete.has(error)) this.#failed.abort(error);
    });
    return copying;
  }

  #copyBlob(descriptor: Descriptor): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#mounter !== undefined) {
        if (await this.#target.exists(descriptor, this.#call)) return this.#arrived(descriptor, 'present');
        const { repository } = this.#mounter;
        if (await this.#mounter.mount(descriptor, repository, this.#call)) return this.#arrived(descriptor, 'mounted');
      }
      let opened = false;
      const open = async (): Promise<AsyncIterable<Uint8Array>> => {
        opened = true;
        return this.#watched(descriptor, await this.#reading(() => this.#source.fetch(descriptor, this.#call)));
      };
      await this.#target.push(descriptor, open, this.#call);
      this.#arrived(descriptor, opened ? 'sent' : 'present');
    });
  }

  /** Reports the progress of a blob while it is read. */
  #watched(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const { onProgress } = this.#options;
    return onProgress === undefined ? source : counted(source, (bytes) => onProgress(descriptor, bytes));
  }

  async #copyManifest(descriptor: Descriptor, depth: number): Promise<void> {
    if (depth > depthLimit) {
      throw new FairleadError(
        'LimitExceeded',
        `${descriptor.digest} is more than ${depthLimit} levels below ${this.#root.descriptor.digest}`,
      );
    }
    const { withReferrers, isNew = false } = this.#options;
    const [present, referrers] = await Promise.all([
      isNew ? false : this.#inTurn(() => this.#target.exists(descriptor, this.#call)),
      withReferrers ? this.#inTurn(() => this.#listAtSource(descriptor)) : [],
    ]);
    if (referrers.length > 0) this.#referred = true;
    const isRoot = depth === 0;
    const parts = !present || withReferrers;
    if (parts || isRoot) {
      const bytes = (isRoot ? this.#root.bytes : undefined) ?? (await this.#readManifest(descriptor));
      const { children, subject } = await this.#reading(async () =>
        linksOf(descriptor.mediaType, bytes, descriptor.digest),
      );
      const manifests = children.filter(({ mediaType }) => isManifestMediaType(mediaType));
      // If a manifest is present, so are its parts, but not the referrers of an index's manifests.
      if (parts) await Promise.all((present ? manifests : children).map((child) => this.#copyOnce(child, depth + 1)));
      await this.#pushManifest(descriptor, bytes, { isRoot, present, subject });
    }
    this.#arrived(descriptor, present ? 'present' : 'sent');
    // Not awaited here: a list may claim anything, even that a manifest refers to itself.
    for (const referrer of referrers) {
      this.#copyOnce(referrer, depth + 1).catch((error: unknown) => this.#skip(referrer, error));
    }
  }

  async #pushManifest(
    descriptor: Descriptor,
    bytes: Uint8Array,
    {
      isRoot,
      present,
      subject,
    }: { readonly isRoot: boolean; readonly present: boolean; readonly subject: Descriptor | undefined },
  ): Promise<void> {
    const pushRoot = this.#pushRoot;
    // Referrers may still be in transfer, also those of parts, and the tag must not exist before
    // they are there.
    if (isRoot && !this.#referred && pushRoot !== undefined) {
      await this.#inTurn(() => pushRoot(bytes, this.#call));
    } else if (!present || !(await this.#isListed(descriptor, subject))) {
      await this.#inTurn(() => this.#target.push(descriptor, bytes, this.#call));
    }
  }

  #readManifest(descriptor: Descriptor): Promise<Uint8Array> {
    const options = { limit: manifestBytesLimit, ...this.#call };
    return this.#inTurn(() => this.#reading(() => fetchBytes(this.#source, descriptor, options)));
  }

  /**
   * Reports whether a manifest that is at the target is also listed there: the client that pushed
   * it may have been interrupted in between.
   */
  async #isListed({ digest }: Descriptor, subject: Descriptor | undefined): Promise<boolean> {
    if (subject === undefined) return true;
    const listing = this.#lists.get(subject.digest) ?? this.#inTurn(() => this.#listAtTarget(subject));
    this.#lists.set(subject.digest, listing);
    return (await listing).some((listed) => listed.digest === digest);
  }

  async #listAtTarget(subject: Descriptor): Promise<Descriptor[]> {
    try {
      return await this.#target.referrers(subject, this.#call);
    } catch (error) {
      if (isUnusable(error)) return []; // unusable: the next push of a referrer replaces it
      throw error;
    }
  }

  async #listAtSource(subject: Descriptor): Promise<Descriptor[]> {
    try {
      const { sourceTags } = this.#options;
      const options = { ...this.#call, ...(sourceTags === undefined ? {} : { existingTags: sourceTags }) };
      return await this.#reading(() => this.#source.referrers(subject, options));
    } catch (error) {
      if (!this.#incomplete.has(error)) throw error;
      this.#skip(subject, error);
      return [];
    }
  }

  /** Reads from the source, and notes an error that means that the content is incomplete there. */
  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (this.#options.onSkipped !== undefined && isUnusable(error)) this.#incomplete.add(error);
      throw error;
    }
  }

  #skip(descriptor: Descriptor, error: unknown): void {
    if (isUnusable(error) && this.#incomplete.has(error)) this.#options.onSkipped?.(descriptor, error);
  }

  #arrived(descriptor: Descriptor, how: 'sent' | 'mounted' | 'present'): void {
    this.#options.onContent?.(descriptor, how);
  }
}

/** Passes pieces on, and reports how many bytes they were so far. */
async function* counted(
  source: AsyncIterable<Uint8Array>,
  report: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const piece of source) {
    yield piece;
    bytes += piece.length;
    report(bytes);
  }
}

/** A target that can mount blobs from another repository of its registry. */
interface Mounter {
  mount(descriptor: Descriptor, from: string, options: CallOptions): Promise<boolean>;
}

/**
 * Returns the source's repository and the target's method to mount blobs from it, if both are in
 * the same registry.
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
 * Runs at most `limit` actions at a time; the others wait in order. No action begins after the
 * signal. Our own, because the usual package (p-limit) does not reject the waiting actions when a
 * signal ends them.
 */
function limitConcurrency(limit: number, signal: AbortSignal): <T>(action: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  /** Position of the first waiter: shifting a long list takes long. */
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
