import { stat } from 'node:fs/promises';
import { readInput, unreadable } from './files.ts';

/**
 * The most bytes of a bundle beside a file. An attestation contains its predicate, such as a whole
 * SBOM.
 */
const maxBundleBytes = 16 * 1024 * 1024;

/** Returns the name of the bundle of a file, as cosign and others call it by convention. */
export function bundleFileOf(file: string): string {
  return `${file}.sigstore.json`;
}

/** Reads a bundle. Throws InvalidInput, and LimitExceeded for one that is too large. */
export function readBundleFile(path: string): Promise<Uint8Array> {
  return readInput(path, maxBundleBytes);
}

/**
 * Reads a bundle; undefined if there is no such file, or it is a device or a pipe. Throws as
 * readBundleFile.
 */
export async function readExistingBundle(path: string): Promise<Uint8Array | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile() && !found.isDirectory()) return undefined;
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, 'code') === 'ENOENT') return undefined;
    throw unreadable(path, cause);
  }
  return readBundleFile(path);
}
