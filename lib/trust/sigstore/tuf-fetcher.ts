import { createRequire } from 'node:module';
import { BaseFetcher } from 'tuf-js';
import type { AskService } from '../../network/service-client.ts';

const require = createRequire(import.meta.url);

/** By this error, which the package does not export, its client learns that a file is not there. */
const { DownloadHTTPError }: { DownloadHTTPError: new (message: string, statusCode: number) => Error } =
  require('tuf-js/dist/error.js');

/**
 * Fetches the files of a TUF repository for the client of `tuf-js`, which checks lengths, hashes
 * and signatures.
 */
export function tufFetcher(ask: AskService): BaseFetcher {
  return new (class extends BaseFetcher {
    override async fetch(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
      const { status, body } = await ask({ method: 'GET', url });
      if (status !== 200) throw new DownloadHTTPError(`${url} answered ${status}`, status);
      return new Blob([new Uint8Array(body)]).stream();
    }
  })();
}
