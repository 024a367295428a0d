/**
 * Returns a signal that ends one CRI call after 2 minutes. RunPodSandbox may have to pull the
 * sandbox image.
 */
export function patience(): AbortSignal {
  return AbortSignal.timeout(120_000);
}
