import type { Signer } from '#lib/trust/sign/signer';

/**
 * A signer for rehearsals, in place of a caller that signs the artifact afterwards: a rehearsal
 * expects of it what it expects of a keyless signer, whose signatures are not made in advance.
 */
export const laterSigner: Signer = { sign: never, signMessage: never, requirements: async () => undefined };

async function never(): Promise<never> {
  throw new Error('a rehearsal signs nothing for its caller');
}
