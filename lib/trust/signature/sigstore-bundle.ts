import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * Loads the library that reads bundles, when the first one is read: not every verification meets
 * one.
 */
export function sigstoreBundle(): typeof import('@sigstore/bundle') {
  return require('@sigstore/bundle');
}
