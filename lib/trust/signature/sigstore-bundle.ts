import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * The library that reads bundles, loaded where the first one is read: not all who check signatures
 * ever see one.
 */
export function sigstoreBundle(): typeof import('@sigstore/bundle') {
  return require('@sigstore/bundle');
}
