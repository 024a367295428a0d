/**
 * Returns a signal that ends one call of the CRI after 2 minutes: a sandbox may need an image
 * first.
 */
export function patience(): AbortSignal {
  return AbortSignal.timeout(120_000);
}
