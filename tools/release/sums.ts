import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '#lib/registry/digest';
import type { FileSubject } from '#lib/trust/signature/statement';

/** The file with the digests of the others. */
export const sumsName = 'SHA256SUMS';

/** The names of the provenance and of the bundle in which it is signed. */
export const provenanceNames = { statement: 'fairlead.provenance.json', bundle: 'fairlead.provenance.sigstore.json' };

/** The ending of the name of a signature. */
export const bundleSuffix = '.sigstore.json';

/**
 * Returns whether two builds of the same commit have the same file of this name. The provenance
 * names one build, and each signature is another one; the sums cannot contain themselves.
 */
function isReproducible(name: string): boolean {
  return name !== sumsName && name !== provenanceNames.statement && !name.endsWith(bundleSuffix);
}

/**
 * Reads the files of a release, by name. Without the sums, the provenance and the signatures.
 * Throws an Error for a directory among them, and for a name that SHA256SUMS would have to escape.
 */
export async function digestFiles(directory: string): Promise<FileSubject[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files: FileSubject[] = [];
  for (const entry of entries) {
    if (!isReproducible(entry.name)) continue;
    if (!entry.isFile() || !/^[\w.+~-]+$/.test(entry.name)) {
      throw new Error(`${join(directory, entry.name)} does not belong to a release`);
    }
    files.push(await digestFile(directory, entry.name));
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns the name and the digest of a file. */
export async function digestFile(directory: string, name: string): Promise<FileSubject> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(join(directory, name), { highWaterMark: 1024 * 1024 })) hash.update(piece);
  return { name, digest: parseDigest(`sha256:${hash.digest('hex')}`) };
}

/** Returns the content of SHA256SUMS, as `sha256sum --check` reads it. */
export function renderSums(files: readonly FileSubject[]): string {
  return files.map(({ name, digest }) => `${digest.slice('sha256:'.length)}  ${name}\n`).join('');
}
