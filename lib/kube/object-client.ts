import { FairleadError } from '#lib/errors';
import { parseAnswer } from './answer.ts';
import { isExpired } from './api-error.ts';
import type { ApiCall, WritableApiServer } from './api-server.ts';
import { type KubeObject, type ObjectToWrite, toKubeObject } from './kube-object.ts';
import { type ListOptions, listPages, type Page } from './list-pages.ts';
import {
  apiVersionOf,
  collectionPath,
  describeObject,
  type ObjectName,
  objectPath,
  type Resource,
} from './resource.ts';
import { type WatchEvent, type WatchOptions, watchObjects } from './watch-objects.ts';

/** A part of an object with rules and rights of its own. */
export type Subresource = 'status';

export interface WriteOptions {
  readonly subresource?: Subresource | undefined;
  /** Who writes, in the managed fields of the object. */
  readonly fieldManager?: string | undefined;
  /** Milliseconds in which the API server must answer; see {@link ApiCall.answerWithin}. */
  readonly answerWithin?: number | undefined;
}

export interface ApplyOptions {
  readonly subresource?: Subresource | undefined;
  /** Who owns the fields that are applied. */
  readonly fieldManager: string;
  /** Whether fields that another manager owns are taken over; otherwise they are a Conflict. */
  readonly force?: boolean;
}

/** Conditions under which an object is deleted. */
export interface DeleteOptions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** The time during which a client may be used, such as that of a leader. */
export interface Term {
  /** Aborts when the term is over; open calls end then. */
  readonly signal: AbortSignal;
  /** Throws if the term is over. It may be over before `signal` aborts, if the process hung. */
  check(): void;
}

/** How often a list begins again whose continue token has expired. */
const mostListings = 3;

/**
 * Reads and writes objects of any resource. All methods throw as {@link WritableApiServer.send}
 * does.
 */
export class ObjectClient {
  readonly #api: WritableApiServer;
  readonly #term: Term | undefined;

  /** With a `term`, writes nothing when it is over. */
  constructor(api: WritableApiServer, term?: Term) {
    this.#api = api;
    this.#term = term;
  }

  /** Returns an object as it is now. */
  async get(resource: Resource, name: ObjectName): Promise<KubeObject> {
    const title = `get ${describeObject(resource, name)}`;
    const answer = await this.#api.get({ path: objectPath(resource, name), title, signal: this.#term?.signal });
    return toKubeObject(resource, parseAnswer(answer, title));
  }

  /**
   * Returns all objects of a collection, as they were at one time. Throws LimitExceeded if there
   * are more than `most`.
   */
  async list(resource: Resource, options: ListOptions & { readonly most: number }): Promise<KubeObject[]> {
    for (let listing = 1; ; listing++) {
      try {
        return await this.#listOnce(resource, options);
      } catch (thrown) {
        if (!isExpired(thrown) || listing === mostListings) throw thrown;
      }
    }
  }

  /** Returns a list page by page; see {@link listPages}. */
  pages(resource: Resource, options: ListOptions = {}): AsyncGenerator<Page> {
    return listPages(this.#api, resource, options);
  }

  /** Watches the objects of a collection; see {@link watchObjects}. */
  async watch(
    resource: Resource,
    options: WatchOptions,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await watchObjects(this.#api, resource, options, onEvent, signal);
  }

  /** Creates an object. Throws Conflict if it exists. */
  async create(resource: Resource, object: ObjectToWrite, options: WriteOptions = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const place = resource.namespaced ? namespace : undefined;
    return await this.#send(resource, {
      method: 'POST',
      path: collectionPath(resource, place) + query({ fieldManager: options.fieldManager }),
      title: `create ${describeObject(resource, { namespace: place, name })}`,
      body: withKind(resource, object),
      answerWithin: options.answerWithin,
    });
  }

  /**
   * Replaces an object. Throws Conflict if it was changed since the version in
   * `metadata.resourceVersion`.
   */
  async update(resource: Resource, object: ObjectToWrite, options: WriteOptions = {}): Promise<KubeObject> {
    const { subresource, fieldManager, answerWithin } = options;
    return await this.#send(resource, {
      method: 'PUT',
      path: objectPath(resource, object.metadata, subresource) + query({ fieldManager }),
      title: `update ${describeWritten(resource, object.metadata, subresource)}`,
      body: withKind(resource, object),
      answerWithin,
    });
  }

  /**
   * Changes an object by a JSON merge patch (RFC 7396). With `metadata.resourceVersion` in it,
   * throws Conflict if the object was changed since.
   */
  async mergePatch(
    resource: Resource,
    name: ObjectName,
    patch: Readonly<Record<string, unknown>>,
    { subresource, fieldManager, answerWithin }: WriteOptions = {},
  ): Promise<KubeObject> {
    return await this.#send(resource, {
      method: 'PATCH',
      path: objectPath(resource, name, subresource) + query({ fieldManager }),
      title: `patch ${describeWritten(resource, name, subresource)}`,
      body: patch,
      contentType: 'application/merge-patch+json',
      answerWithin,
    });
  }

  /**
   * Creates an object or changes it so that it has the given fields (server-side apply). Throws
   * Conflict if another manager owns one of them, unless `force` is set.
   */
  async apply(resource: Resource, object: ObjectToWrite, options: ApplyOptions): Promise<KubeObject> {
    const { subresource, fieldManager, force = false } = options;
    return await this.#send(resource, {
      method: 'PATCH',
      path: objectPath(resource, object.metadata, subresource) + query({ fieldManager, force: String(force) }),
      title: `apply ${describeWritten(resource, object.metadata, subresource)}`,
      // JSON is YAML, and all API servers that we know accept this media type only.
      body: withKind(resource, object),
      contentType: 'application/apply-patch+yaml',
      repeatable: true,
    });
  }

  /** Deletes an object; it stays, marked as deleted, until its finalizers are gone. */
  async delete(resource: Resource, name: ObjectName, preconditions: DeleteOptions = {}): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    const title = `delete ${describeObject(resource, name)}`;
    await this.#write({ method: 'DELETE', path: objectPath(resource, name), title, body });
  }

  async #listOnce(resource: Resource, options: ListOptions & { readonly most: number }): Promise<KubeObject[]> {
    const objects: KubeObject[] = [];
    for await (const { items } of listPages(this.#api, resource, options)) {
      objects.push(...items.map((item) => toKubeObject(resource, item)));
      if (objects.length > options.most) {
        throw new FairleadError('LimitExceeded', `more than ${options.most} ${resource.plural}`);
      }
    }
    return objects;
  }

  async #send(resource: Resource, call: ApiCall): Promise<KubeObject> {
    return toKubeObject(resource, parseAnswer(await this.#write(call), call.title));
  }

  async #write(call: ApiCall): Promise<string> {
    this.#term?.check();
    return await this.#api.send({ ...call, signal: this.#term?.signal });
  }
}

function withKind(resource: Resource, object: ObjectToWrite): object {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function describeWritten(resource: Resource, name: ObjectName, subresource: Subresource | undefined): string {
  const described = describeObject(resource, name);
  return subresource === undefined ? described : `the ${subresource} of ${described}`;
}

function query(parameters: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, value);
  return given.size === 0 ? '' : `?${given}`;
}
