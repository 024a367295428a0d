import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import type { Descriptor } from '#lib/registry/descriptor';
import { parseDigest } from '#lib/registry/digest';

/** A file, directory or symbolic link of a layer. It belongs to root by default. */
export type LayerEntry = { readonly path: string; readonly owner?: number } & (
  | { readonly mode: number; readonly source: string | Uint8Array }
  | { readonly mode: number; readonly source?: undefined }
  | { readonly target: string }
);

/** A layer in a file. */
export interface Layer {
  readonly file: string;
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar, which the configuration of an image lists. */
  readonly diffId: string;
}

/**
 * Writes entries as a layer, a compressed tar, with the directories that they are in. The same
 * entries result in the same bytes, in whatever order they are: all of them have the same time, in
 * seconds.
 */
export async function writeLayer(entries: readonly LayerEntry[], epoch: number, file: string): Promise<Layer> {
  const archive = pack();
  const [tar, compressed] = [measure(), measure()];
  const written = pipeline(archive, tar.stream, createGzip({ level: 9 }), compressed.stream, createWriteStream(file));
  const added = addEntries(archive, withParents(entries), new Date(epoch * 1000)).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  await Promise.all([written, added]);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const descriptor = { mediaType, digest: parseDigest(compressed.digest()), size: compressed.size() };
  return { file, descriptor, diffId: tar.digest() };
}

/** Returns the entries and their parent directories, each once, in the order of their paths. */
function withParents(entries: readonly LayerEntry[]): LayerEntry[] {
  const all = new Map<string, LayerEntry>();
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      all.set(parent, { path: parent, mode: 0o755 });
    }
  }
  for (const entry of entries) all.set(entry.path, entry);
  return [...all.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

async function addEntries(archive: Pack, entries: readonly LayerEntry[], mtime: Date): Promise<void> {
  for (const entry of entries) {
    const { path, owner = 0 } = entry;
    const header = { name: path, mtime, uid: owner, gid: owner };
    if ('target' in entry) archive.entry({ ...header, type: 'symlink', mode: 0o777, linkname: entry.target });
    else if (entry.source === undefined)
      archive.entry({ ...header, name: `${path}/`, type: 'directory', mode: entry.mode });
    else if (typeof entry.source === 'string') {
      const { size } = await stat(entry.source);
      await pipeline(createReadStream(entry.source), archive.entry({ ...header, mode: entry.mode, size }));
    } else archive.entry({ ...header, mode: entry.mode }, Buffer.from(entry.source));
  }
  archive.finalize();
}

/** A stream that measures what passes through it. */
function measure(): { readonly stream: PassThrough; digest(): string; size(): number } {
  const hash = createHash('sha256');
  let size = 0;
  const stream = new PassThrough({
    transform(piece: Uint8Array, _encoding, done) {
      hash.update(piece);
      size += piece.length;
      done(null, piece);
    },
  });
  return { stream, digest: () => `sha256:${hash.digest('hex')}`, size: () => size };
}
