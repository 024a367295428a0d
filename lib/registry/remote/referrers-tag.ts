import { FairleadError } from '#lib/errors';
import { readBody } from '../../network/read-body.ts';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { type Digest, digestParts } from '../digest.ts';
import { acceptManifests, manifestBytesLimit, parseEntries } from '../manifest.ts';
import { settleTag } from '../settle-tag.ts';
import type { CallOptions, LookupOptions } from '../target.ts';
import type { RegistryClient } from './api.ts';
import { repositoryScope } from './scope.ts';

/** Most referrers of one subject. */
export const referrersLimit = 10_000;
/** Most bytes of a list that is read to be replaced. Readers ignore a list of more than 4 MiB. */
const repairBytesLimit = 32 * 1024 * 1024;
/** Entries of an overfull list that are looked up at the same time. */
const lookupsAtOnce = 16;

/**
 * Returns the tag that has the list in registries without the referrers API (distribution-spec,
 * "Referrers Tag Schema").
 */
export function referrersTag(digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return `${algorithm}-${hex.slice(0, 64)}`;
}

/** Returns the error for a subject with more referrers than are listed. `name` is its reference. */
export function tooManyReferrers(name: string): FairleadError {
  return new FairleadError(
    'LimitExceeded',
    `${name} has more than ${referrersLimit} referrers, or a list of them that is too long`,
  );
}

/** A change of a list, and the condition that it has been made. */
interface ListChange {
  done(listed: readonly Descriptor[]): boolean;
  make(listed: readonly Descriptor[]): readonly Descriptor[];
}

/**
 * The lists of referrers that one repository has under tags. Anyone with push access can write
 * anything there: entries that are not descriptors are ignored, and content that is not a list is
 * replaced at the next change.
 */
export class ReferrersTags {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #pull: readonly string[];
  readonly #push: readonly string[];
  /**
   * The last update of each subject's list in this process: updates of a list run one after
   * another.
   */
  readonly #updates = new Map<Digest, Promise<void>>();

  constructor(client: RegistryClient, repository: string) {
    this.#client = client;
    this.#repository = repository;
    this.#pull = [repositoryScope(repository, 'pull')];
    this.#push = [repositoryScope(repository, 'pull,push')];
  }

  /**
   * Lists the referrers of a subject; [] if there is no tag. Rejects with InvalidInput if the tag
   * has something else, and with LimitExceeded over 10,000 entries or 4 MiB.
   */
  async list(subject: Digest, { signal, fromOrigin }: LookupOptions): Promise<Descriptor[]> {
    const need = fromOrigin ? { need: 'push' as const } : {};
    const response = await this.#client.send({ ...this.#get(subject), ...need, scopes: this.#pull, signal });
    if (response.status === 404) {
      await response.discard();
      return [];
    }
    const listed = this.#parse(subject, await readBody(response, { method: 'GET' }, manifestBytesLimit));
    if (listed.length > referrersLimit) throw tooManyReferrers(this.#name(subject));
    return listed;
  }

  /**
   * Adds a referrer to the list of its subject. Rejects with LimitExceeded if the list is full, and
   * as settleTag does.
   */
  add(subject: Digest, referrer: Descriptor, options: CallOptions): Promise<void> {
    const change = {
      done: (listed: readonly Descriptor[]) => listed.some(({ digest }) => digest === referrer.digest),
      make: (listed: readonly Descriptor[]) => [...listed, referrer],
    };
    return this.#inTurn(subject, change, options);
  }

  /** Removes a referrer from the list of its subject, if it is listed. Rejects as add does. */
  remove(subject: Digest, referrer: Digest, options: CallOptions): Promise<void> {
    const change = {
      done: (listed: readonly Descriptor[]) => listed.every(({ digest }) => digest !== referrer),
      make: (listed: readonly Descriptor[]) => listed.filter(({ digest }) => digest !== referrer),
    };
    return this.#inTurn(subject, change, options);
  }

  async #inTurn(subject: Digest, change: ListChange, options: CallOptions): Promise<void> {
    const before = this.#updates.get(subject) ?? Promise.resolve();
    const mine = before.then(() => this.#update(subject, change, options));
    const settled = mine.catch(() => undefined);
    this.#updates.set(subject, settled);
    await settled;
    if (this.#updates.get(subject) === settled) this.#updates.delete(subject);
    return mine;
  }

  async #update(subject: Digest, change: ListChange, options: CallOptions): Promise<void> {
    let gone: ReadonlySet<Digest> = new Set();
    const read = async (): Promise<readonly Descriptor[]> =>
      (await this.#readToChange(subject, options)).filter(({ digest }) => !gone.has(digest));
    let listed = await read();
    if (!change.done(listed) && indexOf(change.make(listed)) === undefined) {
      gone = await this.#missing(listed, options);
      listed = await read();
    }
    const write = async (found: readonly Descriptor[] = []): Promise<readonly Descriptor[]> => {
      const changed = change.make(found);
      await this.#write(subject, changed, options);
      return changed;
    };
    await settleTag(
      listed,
      { read, includes: change.done, write, isSame: sameList },
      {
        ...options,
        name: `list of referrers of ${this.#name(subject)}`,
        hint: 'Others push referrers of the same subject at the same time. Try again.',
      },
    );
  }

  /**
   * Reads the list as it can be written again: the valid entries, each once; [] if none exist.
   */
  async #readToChange(subject: Digest, { signal }: CallOptions): Promise<Descriptor[]> {
    const request = { ...this.#get(subject), scopes: this.#push, need: 'push' as const, signal };
    const response = await this.#client.send(request);
    if (response.status === 404) {
      await response.discard();
      return [];
    }
    try {
      const listed = this.#parse(subject, await readBody(response, { method: 'GET' }, repairBytesLimit));
      return [...new Map(listed.map((entry) => [entry.digest, entry])).values()];
    } catch (error) {
      if (error instanceof FairleadError && (error.kind === 'InvalidInput' || error.kind === 'LimitExceeded'))
        return [];
      throw error;
    }
  }

  async #write(subject: Digest, manifests: readonly Descriptor[], options: CallOptions): Promise<void> {
    const body = indexOf(manifests);
    // A list that cannot be read would hide everything that is listed already.
    if (body === undefined) throw tooManyReferrers(this.#name(subject));
    const response = await this.#client.send({
      method: 'PUT',
      to: `${this.#repository}/manifests/${referrersTag(subject)}`,
      scopes: this.#push,
      expect: [201],
      headers: { 'content-type': mediaTypes.index },
      body,
      signal: options.signal,
    });
    await response.discard();
  }

  /**
   * Returns the entries whose manifests do not exist: they can be removed from a list that is too
   * long.
   */
  async #missing(listed: readonly Descriptor[], { signal }: CallOptions): Promise<Set<Digest>> {
    const missing = new Set<Digest>();
    const look = async ({ digest }: Descriptor): Promise<void> => {
      const response = await this.#client.send({
        method: 'HEAD',
        to: `${this.#repository}/manifests/${digest}`,
        need: 'push',
        scopes: this.#push,
        expect: [200, 404],
        headers: { accept: acceptManifests },
        signal,
      });
      await response.discard();
      if (response.status === 404) missing.add(digest);
    };
    for (let start = 0; start < listed.length; start += lookupsAtOnce) {
      await Promise.all(listed.slice(start, start + lookupsAtOnce).map(look));
    }
    return missing;
  }

  #get(subject: Digest) {
    return {
      method: 'GET',
      to: `${this.#repository}/manifests/${referrersTag(subject)}`,
      expect: [200, 404],
      headers: { accept: acceptManifests },
    } as const;
  }

  #parse(subject: Digest, bytes: Uint8Array): Descriptor[] {
    const tag = `${this.#client.origin.host}/${this.#repository}:${referrersTag(subject)}`;
    try {
      return parseEntries(bytes, tag, 'a list of referrers', repairBytesLimit);
    } catch (error) {
      if (!(error instanceof FairleadError) || error.kind !== 'InvalidInput') throw error;
      throw new FairleadError('InvalidInput', error.summary, {
        cause: error.cause,
        hint: 'Something else was written under that tag. The next signature or attestation of the artifact replaces it with a new list.',
      });
    }
  }

  #name(subject: Digest): string {
    return `${this.#client.origin.host}/${this.#repository}@${subject}`;
  }
}

function sameList(one: readonly Descriptor[], other: readonly Descriptor[]): boolean {
  return one.length === other.length && one.every(({ digest }, at) => digest === other[at]?.digest);
}

/** Returns a list as an index; undefined if it has more than readers accept. */
function indexOf(manifests: readonly Descriptor[]): Uint8Array | undefined {
  if (manifests.length > referrersLimit) return undefined;
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }));
  return bytes.length > manifestBytesLimit ? undefined : bytes;
}
