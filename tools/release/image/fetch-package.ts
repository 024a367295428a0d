import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { findMirror, hostRelease } from '../../debian/mirror.ts';
import type { PinnedPackage } from './pinned-packages.ts';

/** Downloads as apt does, with its proxies, and verifies the hash. Part of every apt. */
const aptHelper = '/usr/lib/apt/apt-helper';

/** Where packages come from, and where they stay. */
export interface FetchOptions {
  /** Where the file may be, the best first; by default {@link packageUrls}. */
  readonly urls?: readonly string[];
  /** The directory of downloaded packages, by default below the cache of the user. */
  readonly cache?: string;
  /** Seconds without an answer after which a server is given up. */
  readonly timeout?: number;
}

/**
 * Returns the path of a package's file, downloaded if it is not in the cache. It has the pinned
 * SHA-256, in the cache as well. Rejects with an error that has the answer of each server.
 */
export async function fetchPackage(
  wanted: PinnedPackage,
  { urls = packageUrls(wanted), cache = packageCache(), timeout = 20 }: FetchOptions = {},
): Promise<string> {
  const file = join(cache, `${wanted.sha256}.deb`);
  if (await hasHash(file, wanted.sha256)) return file;
  await mkdir(cache, { recursive: true });
  // apt keeps what it refuses beside the file.
  const temporary = await mkdtemp(join(cache, 'download-'));
  const answers: string[] = [];
  try {
    for (const url of urls) {
      const downloaded = join(temporary, 'package.deb');
      const answer = await download(url, downloaded, wanted.sha256, timeout);
      if (answer === undefined) {
        await rename(downloaded, file);
        return file;
      }
      answers.push(`  ${url}: ${answer}`);
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  throw new Error(
    [
      `cannot download ${basename(wanted.path)}, which the image needs:`,
      ...answers,
      'Check the network and the mirror. If the mirror has newer packages only: node tools/release/image/update-packages.ts',
    ].join('\n'),
  );
}

/**
 * Returns where a package's file may be: the Debian mirror of the host, which may be late or have
 * removed it for a newer version, Debian's own, and the archive of all files that Debian ever had.
 */
export function packageUrls({ archive, path, sha1 }: PinnedPackage): string[] {
  const file = path.replaceAll('+', '%2B');
  const mirrors = new Set([mirrorOf(archive), debianMirror(archive)]);
  return [...Array.from(mirrors, (mirror) => `${mirror}/${file}`), `https://snapshot.debian.org/file/${sha1}`];
}

/** Returns the mirror of an archive that the host uses, or Debian's. */
export function mirrorOf(archive: PinnedPackage['archive']): string {
  const release = hostRelease();
  const suite = archive === 'debian' ? release : `${release}-security`;
  const own = release === undefined || suite === undefined ? undefined : findMirror(suite);
  return own?.replace(/\/+$/, '') ?? debianMirror(archive);
}

/** Returns the address where Debian serves an archive. */
function debianMirror(archive: PinnedPackage['archive']): string {
  return `https://deb.debian.org/${archive}`;
}

/** Returns the directory of downloaded packages: below the cache of the user. */
export function packageCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead', 'debian');
}

/** Downloads a file; returns undefined, or why that failed. */
async function download(url: string, file: string, sha256: string, timeout: number): Promise<string | undefined> {
  const settings = {
    'APT::Sandbox::User': 'root', // the cache of the user is not readable by apt's own
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': String(timeout),
    'Acquire::https::Timeout': String(timeout),
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  try {
    await promisify(execFile)(aptHelper, [...options, 'download-file', url, file, `SHA256:${sha256}`], {
      env: { ...process.env, LC_ALL: 'C' },
    });
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { readonly stderr?: string };
    if (code === 'ENOENT') throw new Error(`${aptHelper} of Debian's package apt is missing`, { cause: error });
    const reasons = stderr
      .split('\n')
      .filter((line) => line.startsWith('E: ') && !line.includes('Download Failed'))
      .map((line) => line.replace(/^E: (?:Failed to fetch \S+ +)?/, ''));
    return reasons.join('; ') || `apt-helper ended with ${code}`;
  }
  return (await hasHash(file, sha256)) ? undefined : 'the file has another SHA-256';
}

/** Reports whether a file exists and has a SHA-256. */
async function hasHash(file: string, sha256: string): Promise<boolean> {
  try {
    return (await hashFile(file, 'sha256')) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Returns the hash of a file's content, in hexadecimal digits. */
export async function hashFile(file: string, algorithm: 'sha1' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
