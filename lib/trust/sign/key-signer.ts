import { keyHint, type PrivateKey } from '../keys/key.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import { statementPayloadType } from '../signature/statement.ts';
import { bundleBytes, envelopeOf } from '../signature/write-bundle.ts';
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
    async sign(statement) {
      const signature = await key.signBytes(preAuthEncoding(statementPayloadType, statement));
      return bundleBytes(envelopeOf(statement, signature), { publicKey: { hint: keyHint(publicKey) } });
    },
    async requirements() {
      return [{ anyOf: [{ key: 'that signs', publicKey }] }];
    },
  };
}
