import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FairleadError } from '#lib/errors';

/** A certificate chain and its private key, as PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** A pair of files that may be replaced while we run (cert-manager, or a mounted Secret). */
export interface TlsFiles {
  readonly pair: TlsPair;
  /**
   * Reads the files again. Resolves with the new pair if they have changed, else with undefined. Throws InvalidInput
   * where they cannot be read or do not belong together; the pair that is in use then stays, and the next call tries
   * again. (Two files cannot be read at one moment: a pair read in the middle of a change heals by the next call.)
   */
  reload(): Promise<TlsPair | undefined>;
}

/** Opens certificate and key files. Throws InvalidInput where they cannot be read or do not belong together. */
export async function openTlsFiles(certFile: string, keyFile: string): Promise<TlsFiles> {
  let pair = await readPair(certFile, keyFile);
  return {
    get pair() {
      return pair;
    },
    async reload() {
      const read = await readPair(certFile, keyFile);
      if (read.cert === pair.cert && read.key === pair.key) return undefined;
      pair = read;
      return pair;
    },
  };
}

async function readPair(certFile: string, keyFile: string): Promise<TlsPair> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot use the TLS files ${certFile} and ${keyFile}: ${reason}`, {
      cause,
    });
  }
}
