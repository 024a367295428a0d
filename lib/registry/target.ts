import type { Descriptor } from './descriptor.ts';

/** Options of every call. */
export interface CallOptions {
  /** Ends the call early; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of calls whose result may be out of date. */
export interface LookupOptions extends CallOptions {
  /**
   * Asks the host that content is pushed to, not a mirror: the result is about to be changed, or
   * decides that something is not sent again.
   */
  readonly fromOrigin?: boolean;
}

/** Resolves a tag or a digest of one repository to a descriptor. Rejects with NotFound. */
export interface Resolver {
  resolve(tagOrDigest: string, options?: LookupOptions): Promise<Descriptor>;
}

/**
 * Reads content. If size or digest do not match the descriptor, the stream ends with an error
 * before its last bytes are delivered.
 */
export interface Fetcher {
  fetch(descriptor: Descriptor, options?: CallOptions): Promise<AsyncIterable<Uint8Array>>;
}

/** Options of {@link ReferrerLister}. */
export interface ReferrerOptions extends LookupOptions {
  /**
   * Lists only where a referrer that is pushed now would be listed: under the tag of the referrers
   * only in a registry without the referrers API.
   */
  readonly asWritten?: boolean;
  /**
   * Removes what is certainly of another artifact type. Lists do not always contain the type:
   * entries without a usable one stay.
   */
  readonly artifactType?: string;
  /**
   * All tags of the repository, if they were listed after the subject was pushed: a list of
   * referrers under a tag that is not among them is not asked for.
   */
  readonly existingTags?: ReadonlySet<string>;
}

/**
 * Lists the manifests whose subject is the given one; [] if none exist. The list is only a
 * claim of its source: verify each entry.
 */
export interface ReferrerLister {
  referrers(subject: Descriptor, options?: ReferrerOptions): Promise<Descriptor[]>;
}

/**
 * Content to push: bytes, or a function that opens it from its beginning, called only if it must be
 * sent, and again for each retry.
 */
export type Content = Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>);

/**
 * Writes content, by digest. The media type distinguishes manifests from blobs. Existing content is
 * not sent again. When a manifest with a subject has been pushed, it is among the referrers of the
 * subject, and no other writer of the list can remove it by mistake. `push` rejects with
 * InvalidInput if the content does not match its descriptor; nothing is stored then.
 */
export interface Pusher {
  exists(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  push(descriptor: Descriptor, content: Content, options?: CallOptions): Promise<void>;
}

/** Makes a tag point to a manifest that is there. */
export interface Tagger {
  tag(descriptor: Descriptor, tag: string, options?: CallOptions): Promise<void>;
}

/** One repository that can be read. */
export type ReadTarget = Resolver & Fetcher & ReferrerLister;

/**
 * One repository: remote, a directory or in memory. The interfaces correspond to those of oras-go.
 */
export type Target = ReadTarget & Pusher & Tagger;

/** Lists the tags of a repository, in no particular order. */
export interface TagLister {
  tags(options?: CallOptions): AsyncIterable<string>;
}

/**
 * Removes tags and content. `delete` of a manifest removes its tags as well; its parts stay. Both
 * reject with NotFound.
 */
export interface Deleter {
  untag(tag: string, options?: CallOptions): Promise<void>;
  delete(descriptor: Descriptor, options?: CallOptions): Promise<void>;
}

/** A repository that keeps blobs until it is asked. Registries remove them by themselves. */
export interface Collector {
  /** Removes those blobs that no manifest refers to any more. Returns how many they were. */
  collect(blobs: readonly Descriptor[]): Promise<number>;
}

/** All operations on one repository. */
export type Repository = Target & TagLister & Deleter;
