import { createHash } from 'node:crypto';
import type { FileName } from '#lib/config/config-document';
import { FairleadError } from '#lib/errors';
import type { Profile } from '#lib/profile/profile';
import { loadPublicKey, type PublicKey } from '../keys/key.ts';
import type { SigstoreRoot } from '../roots/trusted-root.ts';
import type { Baseline, Policy } from './node-policy.ts';
import type { BaselineDocument, PolicyDocument, RootDocument } from './parse-policy-document.ts';
import type { AlternativeDocument, RequirementDocument } from './parse-requirement.ts';
import type { Alternative, AttestationRequirement, Requirement, Rule } from './policy.ts';

/** The files that a policy names. */
export interface PolicyFiles {
  /** Set if the policy has them as text: keys are named by their fingerprints then. */
  readonly areInline?: boolean;
  /** Returns the content of a file. What it throws ends the reading of the policy. */
  read(file: FileName): Promise<Uint8Array>;
  /** Returns how errors name a file, and the place that names it. */
  describe(file: FileName): string;
}

/** Where a policy is from. */
export interface PolicyOrigin extends Pick<Policy, 'source' | 'missing'> {
  /** What the policy was parsed from. */
  readonly text: string;
  readonly files: PolicyFiles;
}

/**
 * Reads every file that a policy names, and its trusted root from a TUF repository if it names one.
 * Throws InvalidInput for an invalid file, what `files` throws, and Unavailable if a TUF repository
 * does not answer.
 */
export async function resolvePolicy(
  { rules: parsed, trustedRoot, baseline, limits, verifyCredentials, ignoredAnnotations }: PolicyDocument,
  { text, files: named, ...origin }: PolicyOrigin,
): Promise<Policy> {
  const files = new HashedFiles(named);
  const root = trustedRoot && (await readRoot(files, trustedRoot));
  const rules: Rule[] = [];
  for (const { require, attestations, ...rule } of parsed) {
    const requirements: Requirement[] = [];
    for (const requirement of require) requirements.push(await readRequirement(files, requirement, root));
    const attested: AttestationRequirement[] = [];
    for (const { by, ...attestation } of attestations ?? []) {
      attested.push({ ...attestation, ...(by && { by: await readRequirement(files, by, root) }) });
    }
    rules.push({ ...rule, require: requirements, ...(attestations && { attestations: attested }) });
  }
  return {
    ...origin,
    rules,
    baseline: await readBaseline(files, baseline),
    ...baselineFiles(baseline),
    limits,
    ...(verifyCredentials !== undefined && { verifyCredentials }),
    ...(ignoredAnnotations !== undefined && { ignoredAnnotations }),
    revision: files.revision(text),
  };
}

/** Returns the files that a baseline names, as the policy spells them; none for RuntimeDefault. */
function baselineFiles({ seccomp, apparmor }: BaselineDocument): Pick<Policy, 'baselineFiles'> {
  if (seccomp === 'RuntimeDefault' && apparmor === 'RuntimeDefault') return {};
  return {
    baselineFiles: {
      ...(seccomp !== 'RuntimeDefault' && { seccomp: seccomp.path }),
      ...(apparmor !== 'RuntimeDefault' && { apparmor: apparmor.path }),
    },
  };
}

async function readBaseline(files: HashedFiles, { seccomp, apparmor }: BaselineDocument): Promise<Baseline> {
  if (seccomp === 'RuntimeDefault' && apparmor === 'RuntimeDefault') return { seccomp, apparmor };
  // Loaded only if a policy names a profile.
  const [{ appArmorOf, seccompOf }, { readProfile }] = await Promise.all([
    import('#lib/profile/profile'),
    import('#lib/profile/read-profile'),
  ]);
  const read = async <T>(value: 'RuntimeDefault' | FileName, content: (profile: Profile) => T) =>
    value === 'RuntimeDefault' ? value : files.read(value, (bytes) => content(readProfile(bytes)));
  return { seccomp: await read(seccomp, seccompOf), apparmor: await read(apparmor, appArmorOf) };
}

/**
 * Reads the trusted root. Its code is loaded only if a policy needs it: the verifier of
 * certificates takes as much memory as everything else here.
 */
async function readRoot(files: HashedFiles, document: RootDocument): Promise<SigstoreRoot> {
  const { readTrustedRoot } = await import('../roots/read-trusted-root.ts');
  if (document !== 'public' && 'file' in document) return files.read(document.file, readTrustedRoot);
  const [{ cacheDirectory, fetchTufTarget }, { machineOptions }] = await Promise.all([
    import('../sigstore/tuf-target.ts'),
    import('#lib/registry/remote/machine-options'),
  ]);
  const repository =
    document === 'public'
      ? document
      : {
          mirror: document.tuf.mirror,
          root: await files.read(document.tuf.root, (bytes) => bytes),
        };
  const { env } = process;
  const dependencies = { cacheDirectory: cacheDirectory(env), now: Date.now, network: machineOptions(env) };
  return files.add(
    'trusted_root.json',
    await fetchTufTarget(repository, 'trusted_root.json', dependencies),
    readTrustedRoot,
  );
}

/** Reads the keys of a requirement. */
async function readRequirement(
  files: HashedFiles,
  { anyOf, threshold }: RequirementDocument,
  root: SigstoreRoot | undefined,
): Promise<Requirement> {
  const alternatives: Alternative[] = [];
  for (const alternative of anyOf) alternatives.push(await readAlternative(files, alternative, root));
  return { anyOf: alternatives, ...(threshold === undefined ? {} : { threshold }) };
}

async function readAlternative(
  files: HashedFiles,
  alternative: AlternativeDocument,
  root: SigstoreRoot | undefined,
): Promise<Alternative> {
  const { log: use } = alternative;
  if (alternative.key !== undefined) {
    const { path } = alternative.key;
    const publicKey = await files.read(alternative.key, (bytes) => loadPublicKey(Buffer.from(bytes).toString('utf8')));
    const key = files.keyName(path, publicKey);
    if (use === 'off') return { key, publicKey };
    return { key, publicKey, log: { use, root: existing(root) } };
  }
  return { keyless: alternative.keyless, log: { use, root: existing(root) } };
}

function existing(root: SigstoreRoot | undefined): SigstoreRoot {
  if (root === undefined)
    throw new FairleadError('Internal', 'a rule needs a trusted root, but the parsed policy has none');
  return root;
}

/** Reads the files that a policy names, and hashes all that was read. */
class HashedFiles {
  readonly #files: PolicyFiles;
  readonly #hash = createHash('sha256');

  constructor(files: PolicyFiles) {
    this.#files = files;
  }

  /** Reads a file and converts it; errors specify where the policy names it. */
  async read<T>(file: FileName, make: (bytes: Uint8Array) => T): Promise<T> {
    const bytes = await this.#files.read(file);
    this.#add(file.path, bytes);
    return named(this.#files.describe(file), () => make(bytes));
  }

  /** Returns the name of a key in messages. */
  keyName(path: string, { fingerprint }: PublicKey): string {
    return this.#files.areInline ? fingerprint : path;
  }

  /** Converts content that is not from a file. It is part of the revision too. */
  add<T>(name: string, bytes: Uint8Array, make: (bytes: Uint8Array) => T): T {
    this.#add(name, bytes);
    return named(name, () => make(bytes));
  }

  /** Returns the hash of the policy's text and of every file that was read, hex. */
  revision(text: string): string {
    this.#add('', Buffer.from(text));
    return this.#hash.digest('hex');
  }

  #add(name: string, bytes: Uint8Array): void {
    // Hashes lengths too, so that two different sets of files never result in the same bytes.
    this.#hash.update(JSON.stringify([name, bytes.length])).update(bytes);
  }
}

/** Converts a file; errors name it. */
function named<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { details, hint } = error;
    throw new FairleadError('InvalidInput', `${name}: ${error.summary}`, {
      cause: error,
      ...(details && { details }),
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
