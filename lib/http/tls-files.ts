import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FairleadError } from '#lib/errors';

/** A certificate chain and its private key, as PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities that vouch for clients, if these have to show one. */
  readonly ca?: string | undefined;
}

/**
 * A pair of files, and that of the clients' authorities, that may be replaced while we run
 * (cert-manager, or a mounted Secret).
 */
export interface TlsFiles {
  readonly pair: TlsPair;
  /**
   * Reads the files again. Resolves with the new pair if they have changed, else with undefined.
   * Throws InvalidInput where they cannot be read or do not belong together; the pair that is in
   * use then stays, and the next call tries again. (Two files cannot be read at one moment: a pair
   * read in the middle of a change heals by the next call.)
   */
  reload(): Promise<TlsPair | undefined>;
}

/**
 * Opens the files of a certificate, its key and the clients' authorities. Throws InvalidInput where
 * they cannot be read or do not belong together.
 */
export async function openTlsFiles(certFile: string, keyFile: string, clientCaFile?: string): Promise<TlsFiles> {
  let pair = await readPair(certFile, keyFile, clientCaFile);
  return {
    get pair() {
      return pair;
    },
    async reload() {
      const read = await readPair(certFile, keyFile, clientCaFile);
      if (read.cert === pair.cert && read.key === pair.key && read.ca === pair.ca) return undefined;
      pair = read;
      return pair;
    },
  };
}

async function readPair(certFile: string, keyFile: string, clientCaFile?: string): Promise<TlsPair> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    const ca = clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8');
    // TLS takes a file without certificates for an authority that vouches for nobody.
    if (ca !== undefined) new X509Certificate(ca);
    createSecureContext({ cert, key, ca });
    return { cert, key, ca };
  } catch (cause) {
    const files = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot use the TLS files ${files}: ${reason}`, { cause });
  }
}
