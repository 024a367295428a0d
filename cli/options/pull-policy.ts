import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits, type PublicationLimits } from '#lib/profile/publication-limits';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { loadPresentPolicy } from '../files/policy-file.ts';
import { policyOption } from './environment.ts';
import { addVerifierOptions, openVerifier, type VerifierOptions } from './verifier.ts';

/** Values of the options that addTrustOptions adds. */
export interface TrustOptions extends VerifierOptions {
  readonly policy?: string;
}

/** Values of the options that addReadingTrustOptions adds. */
export interface ReadingTrustOptions extends TrustOptions {
  readonly insecureUnverified?: boolean;
}

/** A trust policy with the limits for what is pulled. */
type LimitedPolicy = TrustPolicy & { readonly limits: PublicationLimits };

/** Options that specify what a profile must meet without a policy. */
const verifying = ['key', 'certificateIdentity', 'certificateOidcIssuer', 'trustedRoot', 'insecureUnverified'];

/** Adds the options that specify what a profile from a registry must meet: a policy or a signer. */
export function addTrustOptions(command: Command): Command {
  return addVerifierOptions(command.addOption(policyOption('trust policy', verifying)));
}

/** Adds the same options to a command that may also read a profile without verifying it. */
export function addReadingTrustOptions(command: Command): Command {
  return addTrustOptions(command).option(
    '--insecure-unverified',
    'read profiles from registries without verifying them; a warning names each',
  );
}

/**
 * Returns the policy that the options specify: a file, or a signer whose signature everything must
 * have. Throws InvalidInput if they specify none or several, and as loadPresentPolicy and
 * openVerifier do.
 */
export async function openPullPolicy(options: TrustOptions, env: NodeJS.ProcessEnv): Promise<LimitedPolicy> {
  const found = await findPolicy(options, env);
  if (found !== undefined) return found;
  throw new FairleadError('InvalidInput', 'nothing specifies what the profile must meet', {
    hint: `Use --policy FILE to decide as a node does, ${signerChoice}.`,
  });
}

/**
 * Returns the policy for a profile that is only read: as openPullPolicy does, or one that allows
 * everything unverified. Throws InvalidInput, naming `subject`, if the options specify none.
 */
export async function openReadingPolicy(
  { insecureUnverified, ...options }: ReadingTrustOptions,
  subject: string,
  env: NodeJS.ProcessEnv,
): Promise<LimitedPolicy> {
  if (insecureUnverified) {
    if (names(options)) throw excluded('--insecure-unverified', 'options that verify');
    return unverified;
  }
  const found = await findPolicy(options, env);
  if (found !== undefined) return found;
  throw new FairleadError('InvalidInput', `${subject} is in a registry, and nothing specifies what it must meet`, {
    hint: `Use --policy FILE to decide as a node does, ${signerChoice}. To read it unverified: --insecure-unverified.`,
  });
}

const signerChoice =
  '--key FILE for a signature with one key, or --certificate-identity NAME with --certificate-oidc-issuer URL';

const unverified: LimitedPolicy = {
  source: '--insecure-unverified',
  rules: [{ match: '**', unsigned: true, require: [] }],
  limits: defaultPublicationLimits,
  revision: 'unverified',
};

/** Returns whether any of the options is set. */
export function names({ policy, key, certificateIdentity, certificateOidcIssuer, trustedRoot }: TrustOptions): boolean {
  return [policy, key, certificateIdentity, certificateOidcIssuer, trustedRoot].some((value) => value !== undefined);
}

/** The options that specify a signer. */
const signerFlags: readonly (readonly [keyof VerifierOptions, flag: string])[] = [
  ['key', '--key'],
  ['certificateIdentity', '--certificate-identity'],
  ['certificateOidcIssuer', '--certificate-oidc-issuer'],
  ['trustedRoot', '--trusted-root'],
];

async function findPolicy(options: TrustOptions, env: NodeJS.ProcessEnv): Promise<LimitedPolicy | undefined> {
  const { policy, ...signer } = options;
  if (policy !== undefined) {
    const other = signerFlags.find(([name]) => signer[name] !== undefined);
    if (other !== undefined) throw excluded('--policy', other[1]);
    return loadPresentPolicy(policy);
  }
  if (!names(signer)) return undefined;
  const [{ signerPolicy }, verifier] = await Promise.all([
    import('#lib/trust/policy/key-policy'),
    openVerifier(signer, env),
  ]);
  return { ...signerPolicy(verifier), limits: defaultPublicationLimits };
}

function excluded(one: string, other: string): FairleadError {
  return new FairleadError('InvalidInput', `${one} and ${other} cannot be used together`, {
    hint: `Leave out ${one} or ${other}.`,
  });
}
