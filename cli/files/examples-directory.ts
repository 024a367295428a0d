import { fileURLToPath } from 'node:url';

/**
 * Returns the directory `examples` of this package. From the sources and from the bundle in
 * dist/cli it is two levels up.
 */
export function examplesDirectory(): string {
  return fileURLToPath(new URL('../../examples/', import.meta.url));
}
