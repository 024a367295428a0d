import type { Descriptor } from '#lib/registry/descriptor';
import { formatReference, parseReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import type { Signer } from '#lib/trust/sign/signer';
import { refuseSharedStdin } from '../files/files.ts';
import { openRegistries } from './connect.ts';
import type { RegistryOptions } from './options.ts';
import { type SignerOptions, startRequiredSigner } from './signer.ts';

/** An artifact that is in a registry, and what to sign it with. */
export interface SigningTarget {
  readonly target: Repository;
  readonly reference: Reference;
  /** What a tag named at this moment: signatures hold for content. */
  readonly descriptor: Descriptor;
  /** The reference with that digest in place of the tag. */
  readonly pinned: string;
  readonly signer: Signer;
}

/**
 * Opens what is to be signed and what signs it, side by side. Throws InvalidInput for a reference
 * or options that are wrong and for a key that does not open, and whatever the registry rejects
 * with.
 */
export async function openSigningTarget(
  referenceText: string,
  options: RegistryOptions & SignerOptions,
  env: NodeJS.ProcessEnv,
): Promise<SigningTarget> {
  const reference = parseReference(referenceText);
  refuseSharedStdin(
    options.identityToken === '-' ? '--identity-token' : undefined,
    options.passwordStdin ? '--password-stdin' : undefined,
  );
  const opening = await startRequiredSigner(options, env);
  const target = (await openRegistries(options, env))(reference);
  const [descriptor, signer] = await Promise.all([target.resolve(tagOrDigestOf(reference)), opening.signer]);
  const { registry, repository } = reference;
  const pinned = formatReference({ registry, repository, digest: descriptor.digest });
  return { target, reference, descriptor, pinned, signer };
}
