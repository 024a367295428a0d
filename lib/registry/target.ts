import type { Descriptor } from './descriptor.ts';

/** What every call takes beside its own arguments. */
export interface CallOptions {
  /** Ends the call early; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What calls take whose answer may be stale. */
export interface LookupOptions extends CallOptions {
  /**
   * Ask where content is pushed to, and no mirror of it: what is found there is about to be
   * changed, or relied upon not to be sent again.
   */
  readonly fromOrigin?: boolean;
}

/** Turns a tag or a digest of one repository into a descriptor. Rejects with NotFound. */
export interface Resolver {
  resolve(tagOrDigest: string, options?: LookupOptions): Promise<Descriptor>;
}

/**
 * Reads content. The stream ends with an error, before its last bytes are delivered as good, if
 * size or digest are not the descriptor's.
 */
export interface Fetcher {
  fetch(descriptor: Descriptor, options?: CallOptions): Promise<AsyncIterable<Uint8Array>>;
}

/** What {@link ReferrerLister} takes. */
export interface ReferrerOptions extends LookupOptions {
  /**
   * Leave out what is surely of another artifact type. Lists do not always know the type: entries
   * without a usable one stay.
   */
  readonly artifactType?: string;
}

/**
 * Lists the manifests whose subject is the given one; [] where there are none. The list is a claim
 * of its source: open each entry and check.
 */
export interface ReferrerLister {
  referrers(subject: Descriptor, options?: ReferrerOptions): Promise<Descriptor[]>;
}

/**
 * Content to be pushed: bytes, or a way to open it from its beginning, called only when it must be
 * sent and again on each retry.
 */
export type Content = Uint8Array | (() => Promise<AsyncIterable<Uint8Array>>);

/**
 * Writes content, by digest. Manifests and blobs are told apart by media type. What is there
 * already is not sent again. When a manifest with a subject has been pushed, it is among the
 * referrers of the subject, and no other writer of the list can remove it by mistake. `push`
 * rejects with InvalidInput if the content does not match its descriptor; nothing is stored then.
 */
export interface Pusher {
  exists(descriptor: Descriptor, options?: CallOptions): Promise<boolean>;
  push(descriptor: Descriptor, content: Content, options?: CallOptions): Promise<void>;
}

/** Makes a tag point to a manifest that is there already. */
export interface Tagger {
  tag(descriptor: Descriptor, tag: string, options?: CallOptions): Promise<void>;
}

/** One repository that can be read. */
export type ReadTarget = Resolver & Fetcher & ReferrerLister;

/**
 * One repository: remote, a folder or memory. The interfaces are those of oras-go, so that a reader
 * of one knows the other.
 */
export type Target = ReadTarget & Pusher & Tagger;

/** Lists the tags of a repository, in no order that one may count on. */
export interface TagLister {
  tags(options?: CallOptions): AsyncIterable<string>;
}

/**
 * Removes tags and content. `delete` of a manifest takes its tags with it; what it was made of
 * stays. Both reject with NotFound.
 */
export interface Deleter {
  untag(tag: string, options?: CallOptions): Promise<void>;
  delete(descriptor: Descriptor, options?: CallOptions): Promise<void>;
}

/** All that can be done with one repository. */
export type Repository = Target & TagLister & Deleter;
