import type { Signature, Verification } from '#lib/trust/signature/signature';

/**
 * Bytes of signatures that the rule did not need; a signature with a key has 1 KiB, a keyless one 8
 * KiB.
 */
const spareBytes = 256 * 1024;

/**
 * The signatures of an artifact to keep with it: those that satisfied the rule, and of the others,
 * which may satisfy another policy one day, the first that fit. Anyone with write access to the
 * repository can add others, of megabytes in all, and each pull looks at what is kept.
 */
export function worthKeeping(signatures: readonly Signature[], { signatures: held }: Verification): Signature[] {
  const needed = new Set(held.map(({ manifest }) => manifest));
  let spare = spareBytes;
  return signatures.filter((signature) => {
    if (needed.has(signature.manifest)) return true;
    spare -= sizeOf(signature);
    return spare >= 0;
  });
}

function sizeOf(signature: Signature): number {
  if (signature.format === 'bundle') return signature.bundle.length + (signature.message?.length ?? 0);
  const content = signature.format === 'legacy' ? signature.payload : signature.envelope;
  return content.length + JSON.stringify(signature.annotations).length;
}
