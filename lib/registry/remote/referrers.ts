import type { Descriptor } from '../descriptor.ts';
import { mediaTypes } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { manifestBytesLimit, parseEntries } from '../manifest.ts';
import type { CallOptions, PushOptions, ReferrerOptions } from '../target.ts';
import { type ApiResponse, type RegistryClient, readBody } from './api.ts';
import { errorCodes, nameRequest } from './errors.ts';
import { nextPage } from './pages.ts';
import { ReferrersTags, referrersLimit, tooManyReferrers } from './referrers-tag.ts';
import { repositoryScope } from './scope.ts';

/** Most pages and bytes of a list; whoever has more is refused, not cut short in silence. */
const pagesLimit = 200;
const bytesLimit = 32 * 1024 * 1024;

/** The referrers of one repository, through the API where the registry has it and the tag schema where not. */
export interface Referrers {
  /** Lists them; rejects with LimitExceeded over 10,000, and with InvalidInput where there is something else in place of the list. */
  list(subject: Digest, options: ReferrerOptions): Promise<Descriptor[]>;
  /** Adds one to the tag schema's list, for a registry that did not say OCI-Subject when the manifest was put. */
  addToTag(subject: Digest, referrer: Descriptor, options: PushOptions): Promise<void>;
  /** Takes one off the tag schema's list, where there is one. */
  removeFromTag(subject: Digest, referrer: Digest, options: CallOptions): Promise<void>;
}

export function createReferrers(client: RegistryClient, repository: string): Referrers {
  const tags = new ReferrersTags(client, repository);
  /** Not known until the registry was asked once. */
  let hasApi: boolean | undefined;
  return {
    async list(subject, options) {
      if (hasApi !== false) {
        const listed = await listByApi(client, repository, subject, options);
        hasApi = listed !== undefined;
        if (listed !== undefined) return listed;
      }
      return tags.list(subject, options);
    },
    addToTag: (subject, referrer, options) => tags.add(subject, referrer, options),
    removeFromTag: (subject, referrer, options) => tags.remove(subject, referrer, options),
  };
}

/** Lists referrers by the API (distribution-spec, "Listing Referrers"); undefined where the registry does not have it. */
async function listByApi(
  client: RegistryClient,
  repository: string,
  subject: Digest,
  options: ReferrerOptions,
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
      scopes: [repositoryScope(repository, 'pull')],
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
