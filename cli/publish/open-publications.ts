import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import type { Publication } from '#services/push/publish-many';
import { readInput } from '../files/files.ts';
import { loadPresentPolicy } from '../files/policy-file.ts';
import { openRegistries } from '../options/connect.ts';
import { startSigner } from '../options/signer.ts';
import { inProject } from '../project/in-project.ts';
import type { PushOptions } from './push-options.ts';
import type { RequestedProfile } from './requested-profile.ts';

/**
 * Opens what the requested profiles are published with: registries, and each signer and policy
 * once. Keys are opened by another thread, while everything else is loaded, checked and sent.
 * Throws InvalidInput for options that exclude each other, and for files that cannot be read.
 */
export async function openPublications(
  requested: readonly RequestedProfile[],
  options: PushOptions,
  env: NodeJS.ProcessEnv,
): Promise<readonly Publication[]> {
  const signers = new Once((key: string) => startSigner(JSON.parse(key), env));
  const policies = new Once(loadPresentPolicy);
  // Before anything else is loaded: loading keeps this thread busy, and the other one waiting.
  const openings = await Promise.all(
    requested.map(({ signer, places }) =>
      placed(places?.signer, signers.get(JSON.stringify(signerOptions(options, signer)))),
    ),
  );
  const connect = await openRegistries(options, env);
  const publications: Publication[] = [];
  for (const [at, { name, file, refused, request, policy: policyFile, places }] of requested.entries()) {
    const opening = openings[at];
    const policy = policyFile === undefined ? undefined : await placed(places?.policy, policies.get(policyFile));
    // For one profile, a key is opened meanwhile. For several, a wrong passphrase is reported once.
    if (requested.length > 1) await opening?.signer;
    // A policy may allow more or less than nodes do by default.
    const limit = policy === undefined ? defaultPublicationLimits.artifactBytes : maxArtifactBytes;
    publications.push({
      name,
      read: async () => {
        if (refused !== undefined) throw refused;
        return placed(places?.file, readInput(file, limit));
      },
      request,
      dependencies: {
        target: connect(request.reference),
        signer: opening?.signer,
        clock: () => new Date(),
        limits: policy?.limits ?? defaultPublicationLimits,
        policy,
      },
    });
  }
  return publications;
}

/** Returns a result; an error about a file that a project names gets the place of its name. */
function placed<T>(place: string | undefined, result: Promise<T>): Promise<T> {
  return result.catch((error: unknown) => {
    throw inProject(place, error);
  });
}

/** Returns who signs: as the command line says, otherwise as the project does. */
function signerOptions(options: PushOptions, signer: RequestedProfile['signer']): object {
  const { key, passphraseFile, keyless, identityToken, signingConfig, trustedRoot, signatureFormat, service } = options;
  const rest = { identityToken, signatureFormat };
  // A push service signs what its caller does not.
  const byService = service !== undefined && signer === undefined && key === undefined && !keyless;
  const unsigned = options.unsigned || byService;
  if (key !== undefined || keyless || unsigned || signer === undefined) {
    return { key, passphraseFile, keyless, signingConfig, trustedRoot, unsigned, ...rest };
  }
  // The passphrase of a key and the services of an instance may differ from machine to machine.
  return Object.assign({}, signer, definedOf({ passphraseFile, signingConfig, trustedRoot }), rest);
}

function definedOf(values: Readonly<Record<string, string | undefined>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Opens each thing once. */
class Once<T> {
  readonly #opened = new Map<string, Promise<T>>();
  readonly #open: (key: string) => Promise<T>;

  constructor(open: (key: string) => Promise<T>) {
    this.#open = open;
  }

  get(key: string): Promise<T> {
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opened = this.#open(key);
    this.#opened.set(key, opened);
    return opened;
  }
}
