import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';

/** A TUF repository: where it is, and what it is first trusted by. */
export interface TufRepository {
  readonly mirror: string;
  /** Its initial root metadata (root.json). */
  readonly root: { readonly path: string; readonly bytes: Uint8Array };
}

export interface TufSurroundings {
  /** What is fetched is kept here. */
  readonly cacheFolder: string;
  readonly now: () => number;
}

/** Sigstore's public repository: its root comes with the client. */
export const publicRepository = 'https://tuf-repo-cdn.sigstore.dev';

const hour = 3_600_000;
const freshFor = 24 * hour;
/** What was fetched in this process: policies are read again every few seconds, and must not ask the network as often. */
const fetched = new Map<string, { readonly at: number; readonly target: Uint8Array }>();

/** Where this process may keep what can be fetched again: as systemd, XDG or the user's home say. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const { CACHE_DIRECTORY, XDG_CACHE_HOME } = env;
  if (CACHE_DIRECTORY !== undefined) return join(CACHE_DIRECTORY.split(':')[0] ?? '', 'tuf');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'fairlead', 'tuf');
}

/**
 * Fetches a target (such as trusted_root.json) of a TUF repository, verified by its metadata. The metadata is asked for once a
 * day at most; where the repository is out of reach, the copy that was verified last serves, however old it is, and for the
 * public repository at the worst the one that came with the client.
 * Throws Unavailable where there is neither network nor copy, InvalidInput where the cache folder cannot be written.
 */
export async function fetchTufTarget(
  repository: TufRepository | 'public',
  name: string,
  { cacheFolder: folder, now }: TufSurroundings,
): Promise<Uint8Array> {
  const mirror = repository === 'public' ? publicRepository : repository.mirror;
  // Who trusts another root trusts nothing that was cached under the first.
  const trust = repository === 'public' ? 'public' : createHash('sha256').update(repository.root.bytes).digest('hex');
  const cachePath = join(folder, trust.slice(0, 16));
  const key = JSON.stringify([cachePath, mirror, name]);
  const known = fetched.get(key);
  if (known !== undefined && now() - known.at < hour) return known.target;
  const rootPath = repository === 'public' ? {} : { rootPath: repository.root.path };
  const target = await openTarget({ mirrorURL: mirror, cachePath, ...rootPath }, name, now);
  fetched.set(key, { at: now(), target });
  return target;
}

interface ClientOptions {
  readonly mirrorURL: string;
  readonly cachePath: string;
  readonly rootPath?: string;
}

async function openTarget(options: ClientOptions, name: string, now: () => number): Promise<Uint8Array> {
  const { initTUF } = await import('@sigstore/tuf');
  const { host, pathname } = new URL(options.mirrorURL);
  const cached = join(options.cachePath, encodeURIComponent(host + pathname.replace(/\/$/, '')));
  const refreshed = await stat(join(cached, 'timestamp.json')).catch(() => undefined);
  const forceCache = refreshed !== undefined && now() - refreshed.mtimeMs < freshFor;
  try {
    const client = await initTUF({ ...options, forceCache, retry: { retries: 1 }, timeout: 5000 });
    return Buffer.from(await client.getTarget(name));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
      throw new FairleadError('InvalidInput', `cannot write the cache folder ${options.cachePath}`, {
        cause,
        hint: 'Set XDG_CACHE_HOME to a folder that can be written, or name a trustedRoot file in the policy.',
      });
    }
    // Targets are written only once their hashes were verified: what lies there was good when it came.
    const copy = await readFile(join(cached, 'targets', encodeURIComponent(name))).catch(() => undefined);
    // Nor does it help an attacker: he who forges answers could withhold them as well. What the repository dropped is gone.
    if (copy !== undefined && code !== 'TUF_FIND_TARGET_ERROR') return copy;
    throw new FairleadError('Unavailable', `cannot get ${name} from ${options.mirrorURL}`, {
      cause,
      hint: 'Check the network, or name a trustedRoot file in the policy.',
    });
  }
}
