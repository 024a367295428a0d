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
 * requests all other files. The client checks lengths, hashes and signatures.
 */
export function tufFetcher(ask: AskService, roots: RootFiles): BaseFetcher {
  return new (class extends BaseFetcher {
    override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
      const root = roots.get(url);
      if (root !== undefined) return new Blob([new Uint8Array(root)]).stream();
      const { status, body } = await ask({ method: 'GET', url });
      if (status !== 200) throw new Error(`${url} answered ${status}`);
      return new Blob([new Uint8Array(body)]).stream();
    }
  })();
}
