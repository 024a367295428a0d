import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Updater } from 'tuf-js';
import { FairleadError } from '#lib/errors';
import { makeDirectory } from '#lib/files/make-directory';
import { writeWhole } from '#lib/files/write-whole';
import type { NetworkOptions } from '../../network/network-options.ts';
import { type AskService, serviceClient } from '../../network/service-client.ts';
import type { RootFiles } from './tuf-fetcher.ts';

/** A TUF repository: its address, and the root metadata that is trusted first. */
export interface TufRepository {
  readonly mirror: string;
  /** Its initial root metadata (root.json). */
  readonly root: Uint8Array;
}

export interface TufDependencies {
  /** The directory for fetched files. */
  readonly cacheDirectory: string;
  readonly now: () => number;
  /** How to connect to the repository; its own timeouts are shorter. */
  readonly network?: NetworkOptions;
}

/** Sigstore's public repository: its root is part of the client's package. */
export const publicRepository = 'https://tuf-repo-cdn.sigstore.dev';

const hour = 3_600_000;
const freshFor = 24 * hour;
/**
 * Loading a policy waits for this: the fallback to the copy that was verified last must be quick.
 */
const patience = { timeouts: { connect: 5000, headers: 5000, body: 5000 }, retry: { attempts: 2 }, total: 20_000 };
/**
 * The targets that this process fetched: policies are read again every few seconds, and must not
 * cause as many requests.
 */
const fetched = new Map<string, { readonly at: number; readonly target: Uint8Array }>();

/**
 * Returns the cache directory of this process, from systemd, XDG or the user's home directory. A
 * directory of XDG that is relative, or below one with `.git`, is ignored: a checkout must not
 * determine whom to trust.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME } = env;
  if (CACHE_DIRECTORY !== undefined) return join(CACHE_DIRECTORY.split(':')[0] ?? '', 'tuf');
  const parent = XDG_CACHE_HOME !== undefined && isOutside(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(parent, 'fairlead', 'tuf');
}

/**
 * Reports whether a directory is absolute and outside of a checkout (bin/fairlead.js requires the
 * same for compiled code).
 */
function isOutside(directory: string): boolean {
  if (!isAbsolute(directory)) return false;
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Fetches a target (such as trusted_root.json) of a TUF repository, verified by its metadata. The
 * metadata is requested at most once a day. If the repository is unreachable, the copy that was
 * verified last is returned, however old it is; for the public repository, the copy in the client's
 * package is the last resort. Throws Unavailable if there is neither network nor copy, and
 * InvalidInput if the cache directory is not writable, or other users may write to it.
 */
export async function fetchTufTarget(
  repository: TufRepository | 'public',
  name: string,
  { cacheDirectory: directory, now, network = {} }: TufDependencies,
): Promise<Uint8Array> {
  const mirror = repository === 'public' ? publicRepository : repository.mirror;
  // Files that were verified by one root are not trusted under another.
  const trust = repository === 'public' ? 'public' : createHash('sha256').update(repository.root).digest('hex');
  const { host, pathname } = new URL(mirror);
  const ofTrust = join(directory, trust.slice(0, 16));
  const cached = join(ofTrust, encodeURIComponent(host + pathname.replace(/\/$/, '')));
  const key = JSON.stringify([cached, mirror, name]);
  const known = fetched.get(key);
  if (known !== undefined && isWithin(hour, known.at, now())) return known.target;
  const seed = repository === 'public' ? publicSeed : async () => ({ root: repository.root, targets: {} });
  const target = await openTarget(
    { mirror, directory: cached, within: [directory, ofTrust], seed, network },
    name,
    now,
  );
  fetched.set(key, { at: now(), target });
  return target;
}

/**
 * Reports whether less than a span has passed since a time. False for a time in the future: clocks
 * are corrected sometimes.
 */
function isWithin(span: number, since: number, now: number): boolean {
  return since <= now && now < since + span;
}

interface Source {
  readonly mirror: string;
  /** The directory for metadata and targets of this mirror. */
  readonly directory: string;
  /** The parent directories that belong to the cache. */
  readonly within: readonly string[];
  /** Root metadata and targets that are trusted from the start. */
  readonly seed: () => Promise<Seed>;
  readonly network: NetworkOptions;
}

async function openTarget(
  { mirror, directory, within, seed, network }: Source,
  name: string,
  now: () => number,
): Promise<Uint8Array> {
  const targets = join(directory, 'targets');
  for (const own of [...within, directory, targets]) await assertOwn(own);
  try {
    // The umask may allow a group with many members to write.
    await makeDirectory(targets, 0o700);
    const refreshed = await stat(join(directory, 'timestamp.json')).catch(() => undefined);
    const forceCache = refreshed !== undefined && isWithin(freshFor, refreshed.mtimeMs, now());
    await plant(directory, await seed());
    const ask = serviceClient({ ...network, ...patience });
    const places = { mirror, directory, targets };
    const updater = (forceCache ? await openCached(places, ask) : undefined) ?? (await refreshMetadata(places, ask));
    const found = await updater.getTargetInfo(name);
    if (found === undefined) throw new MissingTarget(`${mirror} has no target ${name}`);
    return await readFile((await updater.findCachedTarget(found)) ?? (await updater.downloadTarget(found)));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
      throw new FairleadError('InvalidInput', `cannot write to the cache directory ${directory}`, {
        cause,
        hint: 'Set XDG_CACHE_HOME to a writable directory, or specify a trustedRoot file in the policy.',
      });
    }
    // Targets are written only after their hashes were verified: the copy was valid when it was
    // fetched.
    const copy = await readFile(join(targets, encodeURIComponent(name))).catch(() => undefined);
    // This does not help an attacker: who can forge answers can withhold them too. A target that
    // the repository removed is not returned.
    if (copy !== undefined && !(cause instanceof MissingTarget)) return copy;
    throw new FairleadError('Unavailable', `cannot get ${name} from ${mirror}`, {
      cause,
      hint: 'Check the network, or specify a trustedRoot file in the policy.',
    });
  }
}

/** The address of a repository, and the directories for its files. */
interface Places {
  readonly mirror: string;
  readonly directory: string;
  readonly targets: string;
}

/**
 * Opens the metadata in the cache; undefined if it is not whole, does not verify, or has expired.
 * Then the root comes first: nothing else is fetched under the one in the cache.
 */
async function openCached(places: Places, ask: AskService): Promise<Updater | undefined> {
  let isOpen = false;
  const askForTarget: AskService = (request) =>
    isOpen ? ask(request) : Promise.reject(new Error('metadata is not in the cache'));
  const updater = await tufUpdater(places, askForTarget, { forceCache: true });
  isOpen = await updater.refresh().then(
    () => true,
    () => false,
  );
  return isOpen ? updater : undefined;
}

/** Updates the metadata in the cache from the repository. Rejects if that is not possible. */
async function refreshMetadata(places: Places, ask: AskService): Promise<Updater> {
  const { fetchNewerRoots } = await import('./tuf-fetcher.ts');
  const roots = await fetchNewerRoots(ask, places.mirror, await readFile(join(places.directory, 'root.json')));
  const updater = await tufUpdater(places, ask, { roots });
  await updater.refresh();
  return updater;
}

async function tufUpdater(
  { mirror, directory, targets }: Places,
  ask: AskService,
  { roots = new Map(), forceCache = false }: { readonly roots?: RootFiles; readonly forceCache?: boolean },
): Promise<Updater> {
  const [{ Updater }, { tufFetcher }] = await Promise.all([import('tuf-js'), import('./tuf-fetcher.ts')]);
  return new Updater({
    metadataDir: directory,
    targetDir: targets,
    metadataBaseUrl: mirror,
    targetBaseUrl: `${mirror}/targets`,
    fetcher: tufFetcher(ask, roots, directory),
    forceCache,
    config: { maxRootRotations: roots.size },
  });
}

/**
 * Throws InvalidInput if a directory of the cache exists and another user, or everybody, may write
 * to it: the cache determines whom to trust.
 */
async function assertOwn(directory: string): Promise<void> {
  const found = await stat(directory).catch(() => undefined);
  const user = process.geteuid?.();
  if (found === undefined || user === undefined) return;
  if ([user, 0].includes(found.uid) && (found.mode & 0o002) === 0) return;
  throw new FairleadError('InvalidInput', `other users may write to the cache directory ${directory}`, {
    hint: 'Remove it, set XDG_CACHE_HOME to a directory of this user, or specify a trustedRoot file in the policy.',
  });
}

/** Thrown if the repository is reachable and does not have the target. */
class MissingTarget extends Error {}

interface Seed {
  readonly root: Uint8Array;
  /** By file name. */
  readonly targets: Readonly<Record<string, Uint8Array>>;
}

/** Writes the initial root metadata and targets into an empty cache. */
async function plant(directory: string, { root, targets }: Seed): Promise<void> {
  const rootFile = join(directory, 'root.json');
  if ((await stat(rootFile).catch(() => undefined)) !== undefined) return;
  const options = { temporaryDirectory: directory, mode: 0o644 };
  for (const [name, bytes] of Object.entries(targets))
    await writeWhole(join(directory, 'targets', name), bytes, options);
  await writeWhole(rootFile, root, options);
}

/**
 * Returns the initial root metadata and targets of Sigstore's public repository. They are read from
 * the file in the client's package: its functions read them only before a request with its own HTTP
 * client, and without network there would be no root.
 */
async function publicSeed(): Promise<Seed> {
  const seeds: Readonly<
    Record<string, { readonly 'root.json': string; readonly targets: Readonly<Record<string, string>> }>
  > = (await import('@sigstore/tuf/seeds.json', { with: { type: 'json' } })).default;
  const seed = seeds[publicRepository];
  if (seed === undefined) throw new FairleadError('Internal', `no seed for ${publicRepository}`);
  const decoded = Object.entries(seed.targets).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const);
  return { root: Buffer.from(seed['root.json'], 'base64'), targets: Object.fromEntries(decoded) };
}
