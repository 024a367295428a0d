import { describeAlternative } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';

/** Returns who signs: `key FINGERPRINT` (SHA-256), or an identity; undefined if it is unknown. */
export async function signerName(signer: Signer | undefined): Promise<string | undefined> {
  const [requirement] = (await signer?.requirements()) ?? [];
  const [by] = requirement?.anyOf ?? [];
  if (by === undefined) return undefined;
  return by.key === undefined ? describeAlternative(by) : `key ${by.publicKey.fingerprint}`;
}
