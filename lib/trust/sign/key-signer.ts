import { keyHint, type PrivateKey } from '../keys/key.ts';
import { bundleBytes } from '../signature/write-bundle.ts';
import { signingWith } from './signable.ts';
import type { Signer } from './signer.ts';

/** Signs with a key, in the format of bundles or in that of cosign 2. */
export interface KeySigner extends Signer {
  readonly key: PrivateKey;
}

/** Returns a signer with a private key (see loadPrivateKey). It needs no network. */
export function keySigner(key: PrivateKey): KeySigner {
  const { publicKey } = key;
  return {
    key,
    ...signingWith(async (signable) => {
      const { content } = await signable.sign(key, publicKey.key);
      return bundleBytes(content, { publicKey: { hint: keyHint(publicKey) } });
    }),
    async requirements() {
      return [{ anyOf: [{ key: 'that signs', publicKey }] }];
    },
  };
}
