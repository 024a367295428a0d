import { FairleadError } from '#lib/errors';
import { readBody } from '../../network/read-body.ts';
import { nameRequest } from '../../network/request-error.ts';
import { pause } from '../../network/transport.ts';
import type { Descriptor } from '../descriptor.ts';
import { mediaTypes } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { manifestBytesLimit, parseEntries } from '../manifest.ts';
import type { CallOptions, ReferrerOptions } from '../target.ts';
import type { ApiResponse, RegistryClient } from './api.ts';
import { errorCodes } from './errors.ts';
import { nextPage } from './pages.ts';
import { ReferrersTags, referrersLimit, referrersTag, tooManyReferrers } from './referrers-tag.ts';
import { repositoryScope } from './scope.ts';

/** Most pages and bytes of a list. A longer list is refused, not truncated. */
const pagesLimit = 200;
const bytesLimit = 32 * 1024 * 1024;

/** What {@link RemoteReferrers.publish} takes. */
export interface PublishReferrerOptions extends CallOptions {
  /** Whether the registry answered OCI-Subject when the manifest was put. */
  readonly acknowledged: boolean;
}

interface ListOptions extends ReferrerOptions {
  readonly need?: 'push';
}

/** How often an acknowledged referrer is looked for: a registry may need a moment to list it. */
const looksForListed = 3;
const pauseBetweenLooks = 100;

/**
 * The referrers of one repository: through the API if the registry has it, and through the tag
 * schema otherwise.
 */
export class RemoteReferrers {
  readonly #client: RegistryClient;
  readonly #repository: string;
  readonly #tags: ReferrersTags;
  /** Unknown until the registry was asked once. */
  #hasApi: boolean | undefined;
  /**
   * True once the registry listed a referrer that it acknowledged: it is relied upon after that.
   */
  #listsAcknowledged = false;

  constructor(client: RegistryClient, repository: string) {
    this.#client = client;
    this.#repository = repository;
    this.#tags = new ReferrersTags(client, repository);
  }

  /**
   * Lists the referrers of a subject: those of the API, and those of the tag if the registry does
   * not have the API or its list is empty. Rejects with LimitExceeded over 10,000, and with
   * InvalidInput if something else is in place of the list.
   */
  async list(subject: Digest, options: ReferrerOptions): Promise<Descriptor[]> {
    const listed = await this.#listByApi(subject, options.fromOrigin ? { ...options, need: 'push' } : options);
    // Registries list nothing though there are referrers: those that came before the API, and
    // mirrors that pass on manifests only.
    if (listed !== undefined && (listed.length > 0 || options.asWritten)) return listed;
    return options.existingTags?.has(referrersTag(subject)) === false ? [] : this.#tags.list(subject, options);
  }

  /**
   * Makes sure that `list` returns a referrer whose manifest was pushed: adds it to the tag's list
   * unless the registry acknowledged it with OCI-Subject (`acknowledged`) and does list it. Rejects
   * with Unavailable if it would not be found in either place.
   */
  async publish(
    subject: Digest,
    referrer: Descriptor,
    { acknowledged, ...options }: PublishReferrerOptions,
  ): Promise<void> {
    if (acknowledged && this.#listsAcknowledged) return;
    // Of the registry itself: a mirror may not have what was pushed a moment ago.
    const look: ListOptions = { ...options, need: 'push' };
    if (acknowledged) {
      this.#listsAcknowledged = isListed(referrer.digest, await this.#lookForAcknowledged(subject, referrer, look));
      if (this.#listsAcknowledged) return;
    }
    await this.#tags.add(subject, referrer, options);
    // Readers that get a list from the API do not look at the tag.
    const listed = await this.#listByApi(subject, look);
    if (listed === undefined || listed.length === 0 || isListed(referrer.digest, listed)) return;
    throw notListed(`${this.#client.origin.host}/${this.#repository}`, subject, referrer.digest);
  }

  /** Removes a referrer from the list of the tag schema, if there is one. */
  removeFromTag(subject: Digest, referrer: Digest, options: CallOptions): Promise<void> {
    return this.#tags.remove(subject, referrer, options);
  }

  async #listByApi(subject: Digest, options: ListOptions): Promise<Descriptor[] | undefined> {
    if (this.#hasApi === false) return undefined;
    const listed = await listByApi(this.#client, this.#repository, subject, options);
    this.#hasApi = listed !== undefined;
    return listed;
  }

  /** Lists by the API, again and again while the list lacks what the registry acknowledged. */
  async #lookForAcknowledged(
    subject: Digest,
    { digest }: Descriptor,
    options: ListOptions,
  ): Promise<Descriptor[] | undefined> {
    for (let look = 1; ; look++) {
      const listed = await this.#listByApi(subject, options);
      if (listed === undefined || look === looksForListed || isListed(digest, listed)) return listed;
      await pause(pauseBetweenLooks * 2 ** look, options.signal);
    }
  }
}

function isListed(digest: Digest, listed: readonly Descriptor[] | undefined): boolean {
  return listed?.some((each) => each.digest === digest) ?? false;
}

function notListed(name: string, subject: Digest, referrer: Digest): FairleadError {
  return new FairleadError(
    'Unavailable',
    `${name}@${referrer} was pushed, but the registry does not list it among the referrers of ${subject}: clients would not find it`,
    {
      hint: "Try again later. If that does not help, sign with `format: 'legacy'`, which needs no list, or use another registry.",
    },
  );
}

/**
 * Lists referrers by the API (distribution-spec, "Listing Referrers"); returns undefined if the
 * registry does not have it.
 */
async function listByApi(
  client: RegistryClient,
  repository: string,
  subject: Digest,
  options: ListOptions,
): Promise<Descriptor[] | undefined> {
  const listed: Descriptor[] = [];
  const filter =
    options.artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType: options.artifactType })}`;
  let to: string | URL = `${repository}/referrers/${subject}${filter}`;
  let bytes = 0;
  for (let pages = 1; ; pages++) {
    const response: ApiResponse = await client.send({
      method: 'GET',
      to,
      ...(options.need === undefined ? {} : { need: options.need }),
      scopes: [repositoryScope(repository, options.need === undefined ? 'pull' : 'pull,push')],
      // GitHub's registry answers 303, to web pages about the package.
      expect: [200, 303, 400, 404, 405, 406, 501],
      headers: { accept: mediaTypes.index },
      signal: options.signal,
    });
    if (response.status !== 200) {
      const codes = errorCodes(await response.text(16 * 1024));
      if (response.status === 404 && codes.includes('NAME_UNKNOWN')) return [];
      return undefined;
    }
    const type = response.header('content-type')?.split(';')[0]?.trim();
    if (type !== mediaTypes.index) {
      await response.discard();
      return undefined;
    }
    const name = nameRequest({ method: 'GET', url: response.url });
    const page = await readBody(response, { method: 'GET' }, manifestBytesLimit);
    listed.push(...parseEntries(page, name, 'a list of referrers'));
    bytes += page.length;
    if (listed.length > referrersLimit || pages > pagesLimit || bytes > bytesLimit) {
      throw tooManyReferrers(`${client.origin.host}/${repository}@${subject}`);
    }
    const next = nextPage(response);
    if (next === undefined) return listed;
    to = next;
  }
}
