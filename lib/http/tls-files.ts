import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { FairleadError } from '#lib/errors';
import { ServedTls, type TlsPair } from './served-tls.ts';

/** Paths of PEM files. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  /** The certificates of the clients' authorities, if clients have to show one. */
  readonly clientCa?: string | undefined;
}

/**
 * A certificate, its key and the clients' authorities in files that may be replaced while we run
 * (cert-manager, or a mounted Secret).
 */
export class TlsFiles extends ServedTls {
  readonly paths: TlsPaths;

  private constructor(paths: TlsPaths, pair: TlsPair) {
    super(pair);
    this.paths = paths;
  }

  /** Reads the files. Throws InvalidInput if they cannot be read or do not belong together. */
  static async open(paths: TlsPaths): Promise<TlsFiles> {
    return new TlsFiles(paths, await readPair(paths));
  }

  /**
   * Reads the files again. Returns the new pair if they have changed, which the servers then use,
   * else undefined. Throws InvalidInput if they cannot be read or do not belong together; the pair
   * that is in use then stays, and the next call tries again. (Two files cannot be read at one
   * moment: a pair read in the middle of a change is corrected by the next call.)
   */
  async reload(): Promise<TlsPair | undefined> {
    const read = await readPair(this.paths);
    const { cert, key, ca } = this.pair;
    if (read.cert === cert && read.key === key && read.ca === ca) return undefined;
    this.replace(read);
    return read;
  }
}

/** Reads the certificates of clients' authorities. Throws InvalidInput if they cannot be used. */
export async function readAuthorities(file: string): Promise<string> {
  try {
    const ca = await readFile(file, 'utf8');
    // TLS accepts a file without certificates, and then trusts no client.
    new X509Certificate(ca);
    createSecureContext({ ca });
    return ca;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot use the TLS file ${file}: ${reason}`, { cause });
  }
}

async function readPair({ cert: certFile, key: keyFile, clientCa }: TlsPaths): Promise<TlsPair> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    const ca = clientCa === undefined ? undefined : await readAuthorities(clientCa);
    createSecureContext({ cert, key, ca });
    return { cert, key, ca };
  } catch (cause) {
    const files = [certFile, keyFile, ...(clientCa === undefined ? [] : [clientCa])].join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot use the TLS files ${files}: ${reason}`, { cause });
  }
}
