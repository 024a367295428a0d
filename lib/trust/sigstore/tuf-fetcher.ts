import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BaseFetcher } from 'tuf-js';
import * as v from 'valibot';
import type { AskService } from '../../network/service-client.ts';

/** As in the client of `tuf-js`. */
const maxRoots = 256;
/** Root metadata has a few kilobytes; nothing of it is verified while it is fetched. */
const maxRootBytes = 8 * 1024 * 1024;

const rootSchema = v.object({ signed: v.object({ version: v.pipe(v.number(), v.safeInteger()) }) });

/** Root metadata by the URL of its version. */
export type RootFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Fetches the root metadata that a repository has after the given version, one file after the
 * other, up to the first that does not exist. The client of `tuf-js` would request that file too,
 * and recognizes its absence only by an error that its package does not export; the number of roots
 * prevents that request. Rejects if a file cannot be fetched, or there are too many bytes.
 */
export async function fetchNewerRoots(ask: AskService, mirror: string, root: Uint8Array): Promise<RootFiles> {
  const { version } = v.parse(rootSchema, JSON.parse(Buffer.from(root).toString('utf8'))).signed;
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (let next = version + 1; next <= version + maxRoots; next++) {
    const url = new URL(`${mirror.replace(/\/$/, '')}/${next}.root.json`).href;
    const { status, body } = await ask({ method: 'GET', url });
    if (status === 404 || status === 403) break;
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    bytes += body.length;
    if (bytes > maxRootBytes) throw new Error(`${mirror} has more than ${maxRootBytes} bytes of root metadata`);
    files.set(url, body);
  }
  return files;
}

/**
 * Returns the fetcher for the client of `tuf-js`: it serves the roots that are fetched already, and
 * requests all other files. The client checks hashes and signatures. Files that are not verified
 * yet are in `directory`, until they are: the client's own fetcher would write all of them, even
 * metadata, to the system's directory for temporary files, which may be read-only.
 */
export function tufFetcher(ask: AskService, roots: RootFiles, directory: string): BaseFetcher {
  return new (class extends BaseFetcher {
    override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
      return new Blob([new Uint8Array(await read(url))]).stream();
    }

    override async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
      const bytes = await read(url);
      if (bytes.length > maxLength) throw new Error(`${url} has ${bytes.length} bytes, more than ${maxLength}`);
      return Buffer.from(bytes);
    }

    override async downloadFile<T>(url: string, maxLength: number, use: (file: string) => Promise<T>): Promise<T> {
      const bytes = await this.downloadBytes(url, maxLength);
      const temporary = await mkdtemp(join(directory, 'download-'));
      try {
        const file = join(temporary, 'file');
        await writeFile(file, bytes);
        return await use(file);
      } finally {
        await rm(temporary, { recursive: true, force: true });
      }
    }
  })();

  async function read(url: string): Promise<Uint8Array> {
    const root = roots.get(url);
    if (root !== undefined) return root;
    const { status, body } = await ask({ method: 'GET', url });
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    return body;
  }
}
