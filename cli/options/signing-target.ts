import type { Descriptor } from '#lib/registry/descriptor';
import { formatReference, parseReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import type { Signer } from '#lib/trust/sign/signer';
import { refuseSharedStdin } from '../files/files.ts';
import { openRegistries } from './connect.ts';
import type { RegistryOptions } from './options.ts';
import { withoutScheme } from './reference-scheme.ts';
import { type SignerOptions, startRequiredSigner } from './signer.ts';

/** An artifact that is in a registry, and its signer. */
export interface SigningTarget {
  readonly target: Repository;
  readonly reference: Reference;
  /** What the tag named at this moment: signatures are made for a digest. */
  readonly descriptor: Descriptor;
  /** The reference with that digest instead of the tag. */
  readonly pinned: string;
  readonly signer: Signer;
}

/**
 * Opens the artifact and its signer at the same time. Throws InvalidInput for an invalid reference,
 * invalid options and a key that cannot be opened, and as the registry does.
 */
export async function openSigningTarget(
  referenceText: string,
  options: RegistryOptions & SignerOptions,
  env: NodeJS.ProcessEnv,
): Promise<SigningTarget> {
  const reference = parseReference(withoutScheme(referenceText));
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
