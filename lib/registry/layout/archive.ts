import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Header } from 'tar-stream';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Descriptor } from '../descriptor.ts';
import { isDigest } from '../digest.ts';
import { parseIndex } from '../manifest.ts';
import type { CallOptions } from '../target.ts';
import { verifiedStream } from '../verified-stream.ts';
import { fileError, fileErrorCode } from './file-error.ts';
import { IndexFile } from './index-file.ts';
import { repositoryDirectory } from './repository-directory.ts';
import { writeFileWhole } from './write-file.ts';

/** Most entries of an archive, and most bytes of its index.json. */
const entriesLimit = 100_000;
const indexLimit = 64 * 1024 * 1024;

const archiveHint =
  'An OCI archive is an uncompressed tar of an OCI layout, as fairlead save, oras backup and skopeo (oci-archive:FILE) ' +
  'write it. Older versions of docker save write another format.';
const hostileHint = 'No tool writes that into an OCI archive. Do not trust its source. Nothing of it was used.';

/**
 * Writes one repository of a layout directory as an OCI archive: a tar of the layout, which skopeo
 * and oras read. The same content gives the same bytes: names in order, no times, no owners.
 * Everything in the layout is written; to write less, copy that into a new layout first. Rejects
 * with NotFound if there is no such layout, and with Unavailable if the output fails.
 */
export async function saveArchive(
  directory: string,
  name: string,
  output: Writable,
  options: CallOptions = {},
): Promise<void> {
  const root = repositoryDirectory(directory, name);
  const { pack } = await import('tar-stream');
  const archive = pack();
  let refused: unknown;
  output.once('error', (error) => {
    refused = error;
  });
  const writing = pipeline(archive, output, options.signal === undefined ? {} : { signal: options.signal });
  // Awaited below; it may end while something else is awaited.
  writing.catch(() => undefined);
  const addBytes = (path: string, bytes: Buffer): void => {
    archive.entry(header(path, bytes.length), bytes);
  };
  try {
    const [marker, index] = await Promise.all([readFile(join(root, 'oci-layout')), readFile(join(root, 'index.json'))]);
    addBytes('oci-layout', marker);
    addBytes('index.json', inOrder(index, root));
    for (const path of await blobPaths(root)) {
      const { size } = await stat(join(root, path));
      await pipeline(createReadStream(join(root, path)), archive.entry(header(path, size)));
    }
    archive.finalize();
  } catch (error) {
    // Later errors are a consequence of the broken output, and what the output reports when we stop
    // is our doing.
    const reason = refused;
    archive.destroy();
    await writing.catch(() => undefined);
    options.signal?.throwIfAborted();
    if (reason !== undefined) throw fileError('archive', reason);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new FairleadError('NotFound', `${root}: is not an OCI layout`, { cause: error });
    }
    throw fileError(root, error);
  }
  try {
    await writing;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fileError('archive', error);
  }
}

/**
 * Returns an index with its manifests in a fixed order, whatever the order in which they were
 * added: by tag, then by digest.
 */
function inOrder(bytes: Uint8Array, root: string): Buffer {
  const index = parseIndex(bytes, `${root}: index.json`, indexLimit);
  const keyed = index.manifests.map((manifest) => {
    const tag = tagOf(manifest);
    return { manifest, key: tag === undefined ? `1 ${manifest.digest}` : `0 ${tag} ${manifest.digest}` };
  });
  keyed.sort((one, other) => (one.key < other.key ? -1 : 1));
  return Buffer.from(JSON.stringify({ ...index, manifests: keyed.map(({ manifest }) => manifest) }));
}

function header(name: string, size: number): Partial<Header> & { name: string } {
  return { name, size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0, type: 'file' };
}

async function blobPaths(root: string): Promise<string[]> {
  const paths: string[] = [];
  for (const algorithm of (await readdir(join(root, 'blobs'))).sort()) {
    for (const hex of (await readdir(join(root, 'blobs', algorithm))).sort()) {
      if (isDigest(`${algorithm}:${hex}`)) paths.push(`blobs/${algorithm}/${hex}`);
    }
  }
  return paths;
}

/**
 * Reads an OCI archive into one repository of a layout directory, beside its content. Every blob is
 * verified against its name; the manifests are listed last, when everything is there. Paths outside
 * of the archive, links and devices are refused with InvalidInput; other files are ignored. Rejects
 * with LimitExceeded over `limit` bytes in total, before they are written. `origin` names the
 * archive in errors.
 */
export async function loadArchive(
  input: AsyncIterable<Uint8Array>,
  directory: string,
  name: string,
  { limit, origin = 'archive', signal }: CallOptions & { readonly limit: number; readonly origin?: string },
): Promise<void> {
  const root = repositoryDirectory(directory, name);
  const index = await unpackEntries(input, root, { limit, origin, signal });
  if (index === undefined) throw withoutIndex(origin);
  const { manifests } = parseIndex(index, `${origin}: index.json`, indexLimit);
  await requireContent(manifests, root, origin);
  await new IndexFile(root).change((listed) => merge(listed, manifests));
}

/**
 * Reads the manifests that an OCI archive lists, without its blobs. Rejects as {@link loadArchive}
 * does, and over 1 TiB with LimitExceeded.
 */
export async function readArchiveIndex(
  input: AsyncIterable<Uint8Array>,
  { origin = 'archive', signal }: CallOptions & { readonly origin?: string } = {},
): Promise<readonly Descriptor[]> {
  const index = await unpackEntries(input, undefined, { limit: 1024 ** 4, origin, signal });
  if (index === undefined) throw withoutIndex(origin);
  return parseIndex(index, `${origin}: index.json`, indexLimit).manifests;
}

function withoutIndex(origin: string): FairleadError {
  return new FairleadError('InvalidInput', `${origin}: has no index.json, so it is not an OCI archive`, {
    hint: archiveHint,
  });
}

/**
 * Writes the blobs of an archive into a layout, if `root` is given; returns its index.json, if it
 * has one.
 */
async function unpackEntries(
  input: AsyncIterable<Uint8Array>,
  root: string | undefined,
  {
    limit,
    origin,
    signal,
  }: { readonly limit: number; readonly origin: string; readonly signal: AbortSignal | undefined },
): Promise<Uint8Array | undefined> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  const reading = pipeline(Readable.from(input), entries, signal === undefined ? {} : { signal });
  // A failure reaches the loop below through the stream; this only prevents that it is reported
  // twice.
  reading.catch(() => undefined);
  let index: Uint8Array | undefined;
  let count = 0;
  let total = 0;
  try {
    for await (const entry of entries) {
      const size = entry.header.size ?? 0;
      const path = safePath(entry.header, origin);
      total += size;
      if (++count > entriesLimit || total > limit || (path === 'index.json' && size > indexLimit)) {
        throw new FairleadError(
          'LimitExceeded',
          `${origin}: ${count} entries of ${total} bytes are more than allowed`,
          {
            hint: `At most ${entriesLimit} entries and ${limit} bytes are allowed. Check that it is the right archive.`,
          },
        );
      }
      const [, algorithm, hex] = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(path) ?? [];
      const digest = `${algorithm}:${hex}`;
      if (path === 'index.json') index = await readEntry(entry);
      else if (root !== undefined && isDigest(digest)) {
        const descriptor = { mediaType: 'application/octet-stream', digest, size };
        await writeFileWhole(root, join(root, path), verifiedStream(bytesOf(entry), descriptor, origin));
      } else entry.resume();
    }
    await reading;
    return index;
  } catch (error) {
    entries.destroy();
    signal?.throwIfAborted();
    if (error instanceof FairleadError) throw error;
    const reason = error instanceof Error ? error.message : error;
    throw new FairleadError('InvalidInput', `${origin}: is not a readable tar: ${reason}`, {
      cause: error,
      hint: archiveHint,
    });
  }
}

/** Throws InvalidInput for a manifest whose content is not in the layout. */
async function requireContent(manifests: readonly Descriptor[], root: string, origin: string): Promise<void> {
  for (const { digest, size } of manifests) {
    const path = join(root, 'blobs', digest.replace(':', '/'));
    const found = await stat(path).catch((error: unknown) => {
      if (fileErrorCode(error) === 'ENOENT') return undefined;
      throw fileError(path, error);
    });
    if (found?.size === size) continue;
    const message = `${origin}: its index.json lists ${digest} of ${size} bytes, which is not in it`;
    throw new FairleadError('InvalidInput', message, {
      hint: 'Save the archive again, with everything that it lists.',
    });
  }
}

/** Adds manifests to those that a layout lists. A tag that both have moves to the added one. */
function merge(listed: readonly Descriptor[], manifests: readonly Descriptor[]): readonly Descriptor[] {
  const isSame = (one: Descriptor, other: Descriptor): boolean =>
    one.digest === other.digest && tagOf(one) === tagOf(other);
  const added = manifests.filter((entry) => !listed.some((known) => isSame(known, entry)));
  const retagged = new Set(added.map(tagOf).filter((tag) => tag !== undefined));
  const kept = listed.filter((entry) => !retagged.has(tagOf(entry) ?? ''));
  return [...kept, ...added];
}

/** tar-stream's entries are streams of bytes, which their types do not express. */
async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of entry) if (piece instanceof Uint8Array) yield piece;
}

async function readEntry(entry: AsyncIterable<unknown>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytesOf(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function tagOf({ annotations }: { readonly annotations?: Readonly<Record<string, string>> }): string | undefined {
  return annotations?.['org.opencontainers.image.ref.name'];
}

/**
 * Returns the path of an entry inside the archive. Throws InvalidInput for an entry that must not
 * be in one.
 */
function safePath({ name, type }: Header, origin: string): string {
  const path = name.replace(/^(?:\.\/)+/, '');
  if (path.startsWith('/') || path.split(/[/\\]/).includes('..') || path.includes('\0')) {
    throw new FairleadError('InvalidInput', `${origin}: ${quote(name, 200)} leads out of it`, {
      hint: hostileHint,
    });
  }
  if (type !== 'file' && type !== 'directory' && type !== 'contiguous-file') {
    throw new FairleadError('InvalidInput', `${origin}: ${quote(name, 200)} is a ${type}, not a file`, {
      hint: hostileHint,
    });
  }
  return path;
}
