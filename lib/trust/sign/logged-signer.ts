import type { NetworkOptions } from '../../network/network-options.ts';
import { serviceClient } from '../../network/service-client.ts';
import { keyHint, type PrivateKey } from '../keys/key.ts';
import type { SigstoreRoot } from '../roots/trusted-root.ts';
import { bundleBytes } from '../signature/write-bundle.ts';
import { signingWith } from './signable.ts';
import type { Signer } from './signer.ts';

/** The services for loggedSigner. */
export interface LoggedSignerOptions {
  /** Sigstore signing config (JSON, v0.2): the logs and the timestamp authorities to use. */
  readonly signingConfig: Uint8Array;
  /** Verifies the answers of the services before anything is published; absent: no verification. */
  readonly trustedRoot?: SigstoreRoot | undefined;
  /** How to connect to the services. */
  readonly network?: NetworkOptions | undefined;
}

/**
 * Returns a signer with a key whose use is public: each signature is entered in the logs of a
 * signing config, and timestamped by its authorities. Throws InvalidInput for an unusable signing
 * config. Signing throws Unavailable for an invalid answer of a service, SignatureInvalid if the
 * answers do not verify under the trusted root, and InvalidInput for a kind of key that a log does
 * not accept.
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
    ...signingWith(async (signable) => {
      const signed = await signable.sign(key, verifier);
      const bundle = bundleBytes(signed.content, {
        publicKey: { hint: keyHint(publicKey) },
        ...(await askWitnesses(ask, services, { ...signed, verifier })),
      });
      trustedRoot?.verifyKey(signed.open(bundle), verifier, 'optional');
      return bundle;
    }),
  };
}
