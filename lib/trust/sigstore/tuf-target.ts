import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Updater } from 'tuf-js';
import { FairleadError } from '#lib/errors';
import { makeDirectory } from '#lib/files/make-directory';
import { writeWhole } from '#lib/files/write-whole';
import type { NetworkOptions } from '../../network/network-options.ts';
import { type AskService, serviceClient } from '../../network/service-client.ts';
import type { RootFiles } from './tuf-fetcher.ts';

/** A TUF repository: where it is, and what it is first trusted by. */
export interface TufRepository {
  readonly mirror: string;
  /** Its initial root metadata (root.json). */
  readonly root: Uint8Array;
}

export interface TufDependencies {
  /** What is fetched is kept here. */
  readonly cacheFolder: string;
  readonly now: () => number;
  /** How the repository is reached; its own times are shorter. */
  readonly network?: NetworkOptions;
}

/** Sigstore's public repository: its root comes with the client. */
export const publicRepository = 'https://tuf-repo-cdn.sigstore.dev';

const hour = 3_600_000;
const freshFor = 24 * hour;
/**
 * Somebody waits for a policy: the copy that was verified last must not take long to fall back on.
 */
const patience = { timeouts: { connect: 5000, headers: 5000, body: 5000 }, retry: { attempts: 2 }, total: 20_000 };
/**
 * What was fetched in this process: policies are read again every few seconds, and must not ask the
 * network as often.
 */
const fetched = new Map<string, { readonly at: number; readonly target: Uint8Array }>();

/**
 * Where this process may keep what can be fetched again: as systemd, XDG or the user's home say. A
 * folder of XDG that is relative, or below one with `.git`, is passed over: it would bring along
 * whom to trust from whatever is checked out there.
 */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME } = env;
  if (CACHE_DIRECTORY !== undefined) return join(CACHE_DIRECTORY.split(':')[0] ?? '', 'tuf');
  const parent = XDG_CACHE_HOME !== undefined && isOutside(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache');
  return join(parent, 'fairlead', 'tuf');
}

/**
 * Whether a folder is absolute and in no checkout (bin/fairlead.js asks the same for compiled
 * code).
 */
function isOutside(folder: string): boolean {
  if (!isAbsolute(folder)) return false;
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Fetches a target (such as trusted_root.json) of a TUF repository, verified by its metadata. The
 * metadata is asked for once a day at most; where the repository is out of reach, the copy that was
 * verified last serves, however old it is, and for the public repository at the worst the one that
 * came with the client. Throws Unavailable where there is neither network nor copy, InvalidInput
 * where the cache folder cannot be written, or others may write to it.
 */
export async function fetchTufTarget(
  repository: TufRepository | 'public',
  name: string,
  { cacheFolder: folder, now, network = {} }: TufDependencies,
): Promise<Uint8Array> {
  const mirror = repository === 'public' ? publicRepository : repository.mirror;
  // Who trusts another root trusts nothing that was cached under the first.
  const trust = repository === 'public' ? 'public' : createHash('sha256').update(repository.root).digest('hex');
  const { host, pathname } = new URL(mirror);
  const ofTrust = join(folder, trust.slice(0, 16));
  const cached = join(ofTrust, encodeURIComponent(host + pathname.replace(/\/$/, '')));
  const key = JSON.stringify([cached, mirror, name]);
  const known = fetched.get(key);
  if (known !== undefined && isWithin(hour, known.at, now())) return known.target;
  const seed = repository === 'public' ? publicSeed : async () => ({ root: repository.root, targets: {} });
  const target = await openTarget({ mirror, folder: cached, within: [folder, ofTrust], seed, network }, name, now);
  fetched.set(key, { at: now(), target });
  return target;
}

/**
 * Says whether less than a span has passed since a time, which must not lie ahead: clocks are set
 * right sometimes.
 */
function isWithin(span: number, since: number, now: number): boolean {
  return since <= now && now < since + span;
}

interface Source {
  readonly mirror: string;
  /** Where metadata and targets of this mirror are kept. */
  readonly folder: string;
  /** The folders of the cache that this one lies in. */
  readonly within: readonly string[];
  /** Root metadata and targets that are trusted from the start. */
  readonly seed: () => Promise<Seed>;
  readonly network: NetworkOptions;
}

async function openTarget(
  { mirror, folder, within, seed, network }: Source,
  name: string,
  now: () => number,
): Promise<Uint8Array> {
  const targets = join(folder, 'targets');
  for (const own of [...within, folder, targets]) await assertOwn(own);
  try {
    // The umask may let a group write that many are in.
    await makeDirectory(targets, 0o700);
    const refreshed = await stat(join(folder, 'timestamp.json')).catch(() => undefined);
    const forceCache = refreshed !== undefined && isWithin(freshFor, refreshed.mtimeMs, now());
    await plant(folder, await seed());
    const ask = serviceClient({ ...network, ...patience });
    const places = { mirror, folder, targets };
    const updater = (forceCache ? await openCached(places, ask) : undefined) ?? (await refreshMetadata(places, ask));
    const found = await updater.getTargetInfo(name);
    if (found === undefined) throw new MissingTarget(`${mirror} has no target ${name}`);
    return await readFile((await updater.findCachedTarget(found)) ?? (await updater.downloadTarget(found)));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
      throw new FairleadError('InvalidInput', `cannot write the cache folder ${folder}`, {
        cause,
        hint: 'Set XDG_CACHE_HOME to a folder that can be written, or name a trustedRoot file in the policy.',
      });
    }
    // Targets are written only once their hashes were verified: what lies there was good when it
    // came.
    const copy = await readFile(join(targets, encodeURIComponent(name))).catch(() => undefined);
    // Nor does it help an attacker: he who forges answers could withhold them as well. What the
    // repository dropped is gone.
    if (copy !== undefined && !(cause instanceof MissingTarget)) return copy;
    throw new FairleadError('Unavailable', `cannot get ${name} from ${mirror}`, {
      cause,
      hint: 'Check the network, or name a trustedRoot file in the policy.',
    });
  }
}

/** Where the client finds a repository and keeps it. */
interface Places {
  readonly mirror: string;
  readonly folder: string;
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
  const roots = await fetchNewerRoots(ask, places.mirror, await readFile(join(places.folder, 'root.json')));
  const updater = await tufUpdater(places, ask, { roots });
  await updater.refresh();
  return updater;
}

async function tufUpdater(
  { mirror, folder, targets }: Places,
  ask: AskService,
  { roots = new Map(), forceCache = false }: { readonly roots?: RootFiles; readonly forceCache?: boolean },
): Promise<Updater> {
  const [{ Updater }, { tufFetcher }] = await Promise.all([import('tuf-js'), import('./tuf-fetcher.ts')]);
  return new Updater({
    metadataDir: folder,
    targetDir: targets,
    metadataBaseUrl: mirror,
    targetBaseUrl: `${mirror}/targets`,
    fetcher: tufFetcher(ask, roots),
    forceCache,
    config: { maxRootRotations: roots.size },
  });
}

/**
 * Whom to trust is read from the cache. Throws InvalidInput where a folder of it is there and
 * another user, or everybody, may write to it.
 */
async function assertOwn(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  const user = process.geteuid?.();
  if (found === undefined || user === undefined) return;
  if ([user, 0].includes(found.uid) && (found.mode & 0o002) === 0) return;
  throw new FairleadError('InvalidInput', `others than this user may write to the cache folder ${folder}`, {
    hint: 'Remove it, set XDG_CACHE_HOME to a folder of this user, or name a trustedRoot file in the policy.',
  });
}

/** The repository is there, and does not have the target. */
class MissingTarget extends Error {}

interface Seed {
  readonly root: Uint8Array;
  /** By file name. */
  readonly targets: Readonly<Record<string, Uint8Array>>;
}

/** Puts into an empty cache what is trusted from the start. */
async function plant(folder: string, { root, targets }: Seed): Promise<void> {
  const rootFile = join(folder, 'root.json');
  if ((await stat(rootFile).catch(() => undefined)) !== undefined) return;
  const options = { temporaryDirectory: folder, mode: 0o644 };
  for (const [name, bytes] of Object.entries(targets)) await writeWhole(join(folder, 'targets', name), bytes, options);
  await writeWhole(rootFile, root, options);
}

/**
 * The root metadata and targets that the client of Sigstore's public repository starts with. The
 * package has them as a file: its functions read them only on the way to a request over its own
 * HTTP client, and without network there would be no root.
 */
async function publicSeed(): Promise<Seed> {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json') as Readonly<
    Record<string, { readonly 'root.json': string; readonly targets: Readonly<Record<string, string>> }>
  >;
  const seed = seeds[publicRepository];
  if (seed === undefined) throw new FairleadError('Internal', `no seed for ${publicRepository}`);
  const decoded = Object.entries(seed.targets).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const);
  return { root: Buffer.from(seed['root.json'], 'base64'), targets: Object.fromEntries(decoded) };
}
