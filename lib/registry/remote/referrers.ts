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
import { ReferrersTags, referrersLimit, tooManyReferrers } from './referrers-tag.ts';
import { repositoryScope } from './scope.ts';

/** Most pages and bytes of a list; whoever has more is refused, not cut short in silence. */
const pagesLimit = 200;
const bytesLimit = 32 * 1024 * 1024;

/**
 * The referrers of one repository, through the API where the registry has it and the tag schema
 * where not.
 */
export interface Referrers {
  /**
   * Lists them: those of the API, and those of the tag if the registry does not have the API or its
   * list is empty. Rejects with LimitExceeded over 10,000, and with InvalidInput where there is
   * something else in place of the list.
   */
  list(subject: Digest, options: ReferrerOptions): Promise<Descriptor[]>;
  /**
   * Makes sure that `list` returns a referrer whose manifest was pushed: adds it to the tag's list
   * unless the registry acknowledged it with OCI-Subject (`acknowledged`) and does list it. Rejects
   * with Unavailable if it would not be found in either place.
   */
  publish(subject: Digest, referrer: Descriptor, options: PublishOptions): Promise<void>;
  /** Takes one off the tag schema's list, where there is one. */
  removeFromTag(subject: Digest, referrer: Digest, options: CallOptions): Promise<void>;
}

/** What {@link Referrers.publish} takes. */
export interface PublishOptions extends CallOptions {
  /** Whether the registry answered OCI-Subject when the manifest was put. */
  readonly acknowledged: boolean;
}

interface ListOptions extends ReferrerOptions {
  readonly need?: 'push';
}

/**
 * How often an acknowledged referrer is looked for: a registry may need a moment to list what it
 * took.
 */
const looksForListed = 3;
const pauseBetweenLooks = 100;

export function createReferrers(client: RegistryClient, repository: string): Referrers {
  const tags = new ReferrersTags(client, repository);
  /** Not known until the registry was asked once. */
  let hasApi: boolean | undefined;
  /**
   * Known once the registry listed something that it acknowledged: it then keeps its word for the
   * rest.
   */
  let listsAcknowledged = false;

  const byApi = async (subject: Digest, options: ListOptions): Promise<Descriptor[] | undefined> => {
    if (hasApi === false) return undefined;
    const listed = await listByApi(client, repository, subject, options);
    hasApi = listed !== undefined;
    return listed;
  };

  /** The list of the API, asked for again while it lacks what the registry acknowledged. */
  const lookForAcknowledged = async (
    subject: Digest,
    { digest }: Descriptor,
    options: ListOptions,
  ): Promise<Descriptor[] | undefined> => {
    for (let look = 1; ; look++) {
      const listed = await byApi(subject, options);
      if (listed === undefined || look === looksForListed || isListed(digest, listed)) return listed;
      await pause(pauseBetweenLooks * 2 ** look, options.signal);
    }
  };

  return {
    async list(subject, options) {
      const listed = await byApi(subject, options.fromOrigin ? { ...options, need: 'push' } : options);
      // Registries list nothing though there are referrers: those that came before the API, and
      // mirrors that pass on manifests only.
      return listed === undefined || listed.length === 0 ? tags.list(subject, options) : listed;
    },

    async publish(subject, referrer, { acknowledged, ...options }) {
      if (acknowledged && listsAcknowledged) return;
      // Of the registry itself: a mirror of it may not have what was pushed a moment ago.
      const look: ListOptions = { ...options, need: 'push' };
      if (acknowledged) {
        listsAcknowledged = isListed(referrer.digest, await lookForAcknowledged(subject, referrer, look));
        if (listsAcknowledged) return;
      }
      await tags.add(subject, referrer, options);
      // Readers that get a list from the API do not look at the tag.
      const listed = await byApi(subject, look);
      if (listed === undefined || listed.length === 0 || isListed(referrer.digest, listed)) return;
      throw notListed(`${client.origin.host}/${repository}`, subject, referrer.digest);
    },

    removeFromTag: (subject, referrer, options) => tags.remove(subject, referrer, options),
  };
}

function isListed(digest: Digest, listed: readonly Descriptor[] | undefined): boolean {
  return listed?.some((each) => each.digest === digest) ?? false;
}

function notListed(name: string, subject: Digest, referrer: Digest): FairleadError {
  return new FairleadError(
    'Unavailable',
    `${name}@${referrer} was pushed, but the registry does not list it among the referrers of ${subject}: nobody would find it`,
    {
      hint: "Try again later. If that does not help, sign with `format: 'legacy'`, which needs no list, or use another registry.",
    },
  );
}

/**
 * Lists referrers by the API (distribution-spec, "Listing Referrers"); undefined where the registry
 * does not have it.
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
      // 303 is what GitHub's registry says: it leads to web pages about the package.
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
