import { forEachOf } from '#lib/concurrency/for-each-of';
import { type FairleadError, toFairleadError } from '#lib/errors';
import type { CopyOptions } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import { ifThere } from '#lib/registry/if-there';
import { listTags } from '#lib/registry/list-tags';
import { type ResolvedManifest, resolveManifest, withManifest } from '#lib/registry/one-request';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { CallOptions, ReadTarget, TagLister, Target } from '#lib/registry/target';
import { copySigned } from './copy-signed.ts';

/** The result for one tag. */
export type TagCopy =
  | { readonly tag: string; readonly digest: Digest; readonly status: 'copied' | 'present' }
  | { readonly tag: string; readonly digest?: Digest; readonly status: 'failed'; readonly error: FairleadError };

/** Options of {@link copyRepository}. */
export interface RepositoryCopyOptions extends Omit<CopyOptions, 'withReferrers'> {
  /** Called when a tag is done, to report progress. */
  readonly onTag?: (tag: TagCopy) => void;
}

/** Artifacts that are copied at the same time. Each has its own limit of parallel transfers. */
const artifactsAtOnce = 12;
/** Most bytes of manifests that are kept from when their tags were resolved. */
const keptBytes = 64 * 1024 * 1024;
/**
 * Kinds of errors after which the next tag fails for the same reason, and how many of them in a row
 * end the copy: each may take as long as all attempts of a request.
 */
const hopeless: ReadonlySet<string> = new Set(['Unavailable', 'Unauthenticated']);
const hopelessInARow = 3;

/** An artifact of the source, and its tags that are to be copied. */
interface Tagged {
  readonly manifest: ResolvedManifest;
  readonly tags: string[];
}

/**
 * Copies all tags of a repository, each artifact with its signatures and other referrers as {@link
 * copySigned} does. An artifact with several tags is copied once. Tags that are derived from a
 * digest are not copied as they are: what they hold is part of its artifact. What is complete at
 * the target is not sent again, and a tag is set after everything that it stands for. A tag that
 * fails does not end the copy, unless a registry is out of reach. Returns the result for each tag,
 * in the order of the source's list. Rejects if the tags cannot be listed, and with the reason of
 * the signal.
 */
export async function copyRepository(
  source: ReadTarget & TagLister,
  target: Target & TagLister,
  options: RepositoryCopyOptions = {},
): Promise<TagCopy[]> {
  return new RepositoryCopy(source, target, options).run();
}

class RepositoryCopy {
  readonly #source: ReadTarget & TagLister;
  readonly #target: Target & TagLister;
  readonly #options: RepositoryCopyOptions;
  readonly #call: CallOptions;
  readonly #done = new Map<string, TagCopy>();
  /** The last failure, if all of the last ones were hopeless, and how many they were. */
  #hopeless: { readonly error: FairleadError; readonly times: number } | undefined;

  constructor(source: ReadTarget & TagLister, target: Target & TagLister, options: RepositoryCopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#call = options.signal === undefined ? {} : { signal: options.signal };
  }

  async run(): Promise<TagCopy[]> {
    const tags = [...new Set(await listTags(this.#source, this.#call))].filter((tag) => !isReservedTag(tag));
    const artifacts = await this.#resolve(tags);
    // An artifact is signed before it is tagged: a list from after its tag was resolved has the
    // tags of its signatures.
    const [sourceTags, targetTags] = await Promise.all([
      listTags(this.#source, this.#call),
      ifThere(listTags(this.#target, this.#call)),
    ]);
    const known = { sourceTags: new Set(sourceTags), targetTags: new Set(targetTags) };
    await forEachOf(artifacts, artifactsAtOnce, (artifact) => this.#copyArtifact(artifact, known));
    return tags.map((tag) => this.#done.get(tag) as TagCopy);
  }

  /** Resolves tags, and returns the artifacts that they name. */
  async #resolve(tags: readonly string[]): Promise<Tagged[]> {
    const found = new Map<Digest, Tagged>();
    let kept = 0;
    await forEachOf(tags, artifactsAtOnce, async (tag) => {
      await this.#attempt([tag], undefined, async () => {
        const { descriptor, bytes } = await resolveManifest(this.#source, tag, this.#call);
        const known = found.get(descriptor.digest);
        if (known !== undefined) return void known.tags.push(tag);
        const isKept = bytes !== undefined && kept + bytes.length <= keptBytes;
        if (isKept) kept += bytes.length;
        found.set(descriptor.digest, { manifest: { descriptor, ...(isKept ? { bytes } : {}) }, tags: [tag] });
      });
    });
    return [...found.values()];
  }

  async #copyArtifact(
    { manifest, tags }: Tagged,
    { sourceTags, targetTags }: { readonly sourceTags: ReadonlySet<string>; readonly targetTags: ReadonlySet<string> },
  ): Promise<void> {
    const { descriptor } = manifest;
    await this.#attempt(tags, descriptor, async () => {
      const missing: string[] = [];
      for (const tag of tags) if (!targetTags.has(tag) || !(await this.#isAt(tag, descriptor))) missing.push(tag);
      const { onTag, ...options } = this.#options;
      const source = withManifest(this.#source, manifest);
      const isNew = !tags.some((tag) => targetTags.has(tag));
      await copySigned(source, this.#target, descriptor, { ...options, sourceTags, isNew, tags: missing });
      for (const tag of tags) {
        this.#finish({ tag, digest: descriptor.digest, status: missing.includes(tag) ? 'copied' : 'present' });
      }
    });
  }

  async #isAt(tag: string, { digest }: Descriptor): Promise<boolean> {
    return (await ifThere(this.#target.resolve(tag, { ...this.#call, fromOrigin: true })))?.digest === digest;
  }

  /** Does a part of the work for some tags. If that fails, the tags have failed. */
  async #attempt(
    tags: readonly string[],
    descriptor: Descriptor | undefined,
    action: () => Promise<void>,
  ): Promise<void> {
    const fail = (error: FairleadError): void => {
      for (const tag of tags) {
        this.#finish({
          tag,
          ...(descriptor === undefined ? {} : { digest: descriptor.digest }),
          status: 'failed',
          error,
        });
      }
    };
    if (this.#hopeless !== undefined && this.#hopeless.times >= hopelessInARow) return fail(this.#hopeless.error);
    try {
      await action();
      this.#hopeless = undefined;
    } catch (thrown) {
      this.#options.signal?.throwIfAborted();
      const error = toFairleadError(thrown);
      if (error.kind === 'Internal') throw thrown;
      this.#hopeless = hopeless.has(error.kind) ? { error, times: (this.#hopeless?.times ?? 0) + 1 } : undefined;
      fail(error);
    }
  }

  #finish(copied: TagCopy): void {
    this.#done.set(copied.tag, copied);
    this.#options.onTag?.(copied);
  }
}
