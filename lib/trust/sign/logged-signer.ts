import { digestOf } from '#lib/registry/digest';
import type { NetworkOptions } from '../../network/network-options.ts';
import { serviceClient } from '../../network/service-client.ts';
import { keyHint, type PrivateKey } from '../keys/key.ts';
import type { SigstoreRoot } from '../roots/trusted-root.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import { openSignature } from '../signature/read/open-signature.ts';
import { statementPayloadType } from '../signature/statement.ts';
import { bundleBytes, envelopeOf } from '../signature/write-bundle.ts';
import type { Signer } from './signer.ts';

/** Where loggedSigner enters its signatures. */
export interface LoggedSignerOptions {
  /** Sigstore signing config (JSON, v0.2): the logs and the timestamp authorities to use. */
  readonly signingConfig: Uint8Array;
  /** What they answer is checked against, before anything is published; unchecked without it. */
  readonly trustedRoot?: SigstoreRoot | undefined;
  /** How they are reached. */
  readonly network?: NetworkOptions | undefined;
}

/**
 * Makes of a key one whose use is shown to everybody: each signature is entered in the logs of a
 * signing config, and timestamped by its authorities. Throws InvalidInput for a signing config that
 * cannot be used; signing throws Unavailable where a service does not answer as it should,
 * SignatureInvalid where what they answered does not hold under the trusted root, and InvalidInput
 * for a kind of key that a log does not take.
 */
export async function loggedSigner(
  key: PrivateKey,
  { signingConfig, trustedRoot, network }: LoggedSignerOptions,
): Promise<Signer> {
  const [{ readWitnesses }, { askWitnesses }] = await Promise.all([
    import('../sigstore/signing-config.ts'),
    import('../sigstore/ask-witnesses.ts'),
  ]);
  const services = readWitnesses(signingConfig, Date.now());
  const ask = serviceClient(network);
  const { publicKey } = key;
  const { key: verifier } = publicKey;
  const use = services.logs.length > 0 ? 'required' : 'optional';
  return {
    async requirements() {
      if (trustedRoot === undefined) return undefined;
      return [{ anyOf: [{ key: 'that signs', publicKey, log: { use, root: trustedRoot } }] }];
    },
    async sign(statement) {
      const signature = await key.sign(preAuthEncoding(statementPayloadType, statement));
      const envelope = envelopeOf(statement, signature);
      const bundle = bundleBytes(envelope, {
        publicKey: { hint: keyHint(publicKey) },
        ...(await askWitnesses(ask, services, { envelope, signature, verifier })),
      });
      const content = openSignature({ format: 'bundle', manifest: digestOf(bundle), bundle });
      trustedRoot?.verifyKey(content, verifier, 'optional');
      return bundle;
    },
  };
}
