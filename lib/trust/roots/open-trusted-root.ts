import type { SigstoreRoot } from './trusted-root.ts';

/**
 * Reads a Sigstore trusted root as readTrustedRoot does, and rejects as it does. The verifier of
 * certificates, which needs as much memory as everything else here, is loaded only now.
 */
export async function openTrustedRoot(bytes: Uint8Array): Promise<SigstoreRoot> {
  const { readTrustedRoot } = await import('./read-trusted-root.ts');
  return readTrustedRoot(bytes);
}
