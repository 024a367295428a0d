import { FairleadError } from '#lib/errors';
import { describeAlternative } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';

/**
 * Returns who signs: `key FINGERPRINT` (SHA-256), or an identity; undefined if it is unknown, or if
 * the signer cannot be opened, which is reported where it was to sign.
 */
export async function signerName(opening: Signer | Promise<Signer> | undefined): Promise<string | undefined> {
  try {
    return await nameOf(await opening);
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

async function nameOf(signer: Signer | undefined): Promise<string | undefined> {
  const [requirement] = (await signer?.requirements()) ?? [];
  const [by] = requirement?.anyOf ?? [];
  if (by === undefined) return undefined;
  return by.key === undefined ? describeAlternative(by) : `key ${by.publicKey.fingerprint}`;
}
