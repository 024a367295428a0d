import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { type Digest, digestParts } from '../digest.ts';
import { acceptManifests, manifestBytesLimit, parseIndex } from '../manifest.ts';
import type { CallOptions, PushOptions, ReferrerOptions } from '../target.ts';
import { type ApiResponse, type RegistryClient, readBody } from './api.ts';
import { errorCodes, nameRequest } from './errors.ts';
import { nextPage } from './pages.ts';
import { repositoryScope } from './scope.ts';
import { pause } from './transport.ts';

/** Most referrers of one subject, and pages and bytes of their list; whoever has more is refused, not cut short in silence. */
const referrersLimit = 10_000;
const pagesLimit = 200;
const bytesLimit = 32 * 1024 * 1024;
/** How often a list under a tag is written again after somebody else overwrote it, and looked at until others are done. */
const writesLimit = 16;
const looksLimit = 64;

function sameList(one: readonly Descriptor[], other: readonly Descriptor[]): boolean {
  return one.length === other.length && one.every(({ digest }, at) => digest === other[at]?.digest);
}

/** The tag under which registries without the referrers API keep the list (distribution-spec, "Referrers Tag Schema"). */
export function referrersTag(digest: Digest): string {
  const { algorithm, hex } = digestParts(digest);
  return `${algorithm}-${hex.slice(0, 64)}`;
}

/** The referrers of one repository, through the API where the registry has it and the tag schema where not. */
export interface Referrers {
  /** Lists them; rejects with LimitExceeded over 10,000. */
  list(subject: Digest, options: ReferrerOptions): Promise<Descriptor[]>;
  /** Adds one to the tag schema's list, for a registry that did not say OCI-Subject when the manifest was put. */
  addToTag(subject: Digest, referrer: Descriptor, options: PushOptions): Promise<void>;
  /** Takes one off the tag schema's list, where there is one. */
  removeFromTag(subject: Digest, referrer: Digest, options: CallOptions): Promise<void>;
}

/** A change of a list, and how to see that it has been made. */
interface ListChange {
  done(listed: readonly Descriptor[]): boolean;
  make(listed: readonly Descriptor[]): readonly Descriptor[];
}

export function createReferrers(client: RegistryClient, repository: string): Referrers {
  const pull = [repositoryScope(repository, 'pull')];
  const push = [repositoryScope(repository, 'pull,push')];
  /** Not known until the registry was asked once. */
  let hasApi: boolean | undefined;
  /** The last update of each subject's list in this process: they wait for each other. */
  const updates = new Map<Digest, Promise<void>>();

  const listByApi = async (subject: Digest, options: ReferrerOptions): Promise<Descriptor[] | undefined> => {
    const listed: Descriptor[] = [];
    const filter =
      options.artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType: options.artifactType })}`;
    let to: string | URL = `${repository}/referrers/${subject}${filter}`;
    let bytes = 0;
    for (let pages = 1; ; pages++) {
      const response: ApiResponse = await client.send({
        method: 'GET',
        to,
        scopes: pull,
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
      listed.push(...parseIndex(page, name).manifests);
      bytes += page.length;
      if (listed.length > referrersLimit || pages > pagesLimit || bytes > bytesLimit) throw tooMany(subject);
      const next = nextPage(response);
      if (next === undefined) return listed;
      to = next;
    }
  };

  const readTag = async (subject: Digest, scopes: readonly string[], options: CallOptions): Promise<Descriptor[]> => {
    const response = await client.send({
      method: 'GET',
      to: `${repository}/manifests/${referrersTag(subject)}`,
      scopes,
      ...(scopes === push ? { need: 'push' as const } : {}),
      expect: [200, 404],
      headers: { accept: acceptManifests },
      signal: options.signal,
    });
    if (response.status === 404) {
      await response.discard();
      return [];
    }
    const name = nameRequest({ method: 'GET', url: response.url });
    const { manifests } = parseIndex(await readBody(response, { method: 'GET' }, manifestBytesLimit), name);
    if (manifests.length > referrersLimit) throw tooMany(subject);
    return [...manifests];
  };

  const tooMany = (subject: Digest): FairleadError =>
    new FairleadError(
      'LimitExceeded',
      `${client.origin.host}/${repository}@${subject} has more than ${referrersLimit} referrers, or too long a list of them`,
    );

  const writeTag = async (subject: Digest, manifests: readonly Descriptor[], options: CallOptions): Promise<void> => {
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    const body = new TextEncoder().encode(JSON.stringify(index));
    // What could not be read again would hide all that is listed already.
    if (manifests.length > referrersLimit || body.length > manifestBytesLimit) throw tooMany(subject);
    const response = await client.send({
      method: 'PUT',
      to: `${repository}/manifests/${referrersTag(subject)}`,
      scopes: push,
      expect: [201],
      headers: { 'content-type': mediaTypes.index },
      body,
      signal: options.signal,
    });
    await response.discard();
  };

  /**
   * Registries have no compare-and-swap for tags: two writers that read the same list overwrite each other. So after our write the list is
   * watched: read again after as long as a round of reading and writing takes, by when a writer who had read before us has written too, and
   * again as long as others change it. Where our change is gone, it is made again.
   */
  const update = async (subject: Digest, change: ListChange, options: PushOptions): Promise<void> => {
    let listed: readonly Descriptor[] = await readTag(subject, push, options);
    if (change.done(listed)) return;
    let round = 0;
    let writes = 0;
    for (let looks = 0; looks < looksLimit; looks++) {
      if (!change.done(listed)) {
        if (writes++ >= writesLimit) break;
        const began = performance.now();
        // What is read here is as fresh as it can be: the shorter the time to our write, the fewer writers come between.
        if (writes > 1) listed = await readTag(subject, push, options);
        if (!change.done(listed)) {
          listed = change.make(listed);
          await writeTag(subject, listed, options);
        }
        round = Math.max(round, performance.now() - began);
        options.onListed?.();
      }
      await pause(2 * round * (1 + Math.random()), options.signal);
      const now = await readTag(subject, push, options);
      if (change.done(now) && sameList(now, listed)) return;
      listed = now;
    }
    throw new FairleadError(
      'Conflict',
      `${client.origin.host}/${repository}@${subject}: the list of its referrers never came to rest while it was changed`,
      { hint: 'Others push referrers of the same subject at the same time. Try again.' },
    );
  };

  const inTurn = async (subject: Digest, change: ListChange, options: PushOptions): Promise<void> => {
    const before = updates.get(subject) ?? Promise.resolve();
    const mine = before.then(() => update(subject, change, options));
    const settled = mine.catch(() => undefined);
    updates.set(subject, settled);
    await settled;
    if (updates.get(subject) === settled) updates.delete(subject);
    return mine;
  };

  return {
    async list(subject, options) {
      if (hasApi !== false) {
        const listed = await listByApi(subject, options);
        hasApi = listed !== undefined;
        if (listed !== undefined) return listed;
      }
      return readTag(subject, pull, options);
    },
    addToTag: (subject, referrer, options) =>
      inTurn(
        subject,
        {
          done: (listed) => listed.some(({ digest }) => digest === referrer.digest),
          make: (listed) => [...listed, referrer],
        },
        options,
      ),
    removeFromTag: (subject, referrer, options) =>
      inTurn(
        subject,
        {
          done: (listed) => listed.every(({ digest }) => digest !== referrer),
          make: (listed) => listed.filter(({ digest }) => digest !== referrer),
        },
        options,
      ),
  };
}
