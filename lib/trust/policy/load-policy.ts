import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FileName } from '#lib/config/config-text';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { step } from '#lib/steps';
import { loadPublicKey } from '../keys/key.ts';
import type { SigstoreRoot } from '../roots/trusted-root.ts';
import type { Baseline, Policy } from './node-policy.ts';
import type { RootDocument } from './parse-policy-document.ts';
import type { AlternativeDocument, RequirementDocument } from './parse-requirement.ts';
import type { Alternative, AttestationRequirement, Requirement, Rule } from './policy.ts';

/** How to read the files of a policy. */
export interface PolicyReading {
  /**
   * Called with the path of each file before it is read; an error that it throws ends the loading.
   * By default, no path is checked.
   */
  readonly checkPath?: (path: string) => Promise<void>;
}

/**
 * Reads a trust policy and every file that it names; relative names are relative to the directory
 * of the policy. A policy file that does not exist or is empty denies everything. Throws
 * InvalidInput if the policy or a file that it names is invalid, or if such a file does not exist,
 * and what `checkPath` throws.
 */
export async function loadPolicy(path: string, { checkPath }: PolicyReading = {}): Promise<Policy> {
  await checkPath?.(path);
  // The YAML parser is loaded with the first policy, so that users of the library who read none do
  // not load it.
  const [text, { parsePolicyDocument }] = await Promise.all([
    readPolicyFile(path),
    import('./parse-policy-document.ts'),
  ]);
  const document = parsePolicyDocument(text ?? '', path);
  const files = new PolicyFiles(dirname(path), checkPath);
  const root = document.trustedRoot && (await readRoot(files, document.trustedRoot));
  const rules: Rule[] = [];
  for (const { require, attestations, ...rule } of document.rules) {
    const requirements: Requirement[] = [];
    for (const requirement of require) requirements.push(await readRequirement(files, requirement, root));
    const attested: AttestationRequirement[] = [];
    for (const { by, ...attestation } of attestations ?? []) {
      attested.push({ ...attestation, ...(by && { by: await readRequirement(files, by, root) }) });
    }
    rules.push({ ...rule, require: requirements, ...(attestations && { attestations: attested }) });
  }
  const { seccomp } = document.baseline;
  step(() => `use the trust policy ${path} (${rules.length === 1 ? '1 rule' : `${rules.length} rules`})`);
  return {
    ...(text === undefined ? { source: `${path} (which does not exist)`, missing: true } : { source: path }),
    rules,
    baseline: { seccomp: seccomp === 'RuntimeDefault' ? seccomp : await readBaseline(files, seccomp) },
    limits: document.limits,
    revision: files.revision(text ?? ''),
  };
}

async function readBaseline(files: PolicyFiles, file: FileName): Promise<Baseline['seccomp']> {
  const [{ seccompOf }, { readProfile }] = await Promise.all([
    import('#lib/profile/profile'),
    import('#lib/profile/read-profile'),
  ]);
  return files.read(file, (bytes) => seccompOf(readProfile(bytes)));
}

/**
 * Reads the trusted root. Its code is loaded only if a policy needs it: the verifier of
 * certificates takes as much memory as everything else here.
 */
async function readRoot(files: PolicyFiles, document: RootDocument): Promise<SigstoreRoot> {
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
  files: PolicyFiles,
  { anyOf, threshold }: RequirementDocument,
  root: SigstoreRoot | undefined,
): Promise<Requirement> {
  const alternatives: Alternative[] = [];
  for (const alternative of anyOf) alternatives.push(await readAlternative(files, alternative, root));
  return { anyOf: alternatives, ...(threshold === undefined ? {} : { threshold }) };
}

async function readAlternative(
  files: PolicyFiles,
  alternative: AlternativeDocument,
  root: SigstoreRoot | undefined,
): Promise<Alternative> {
  const { log: use } = alternative;
  if (alternative.key !== undefined) {
    const { path } = alternative.key;
    const publicKey = await files.read(alternative.key, (bytes) => loadPublicKey(bytes.toString('utf8')));
    if (use === 'off') return { key: path, publicKey };
    return { key: path, publicKey, log: { use, root: existing(root) } };
  }
  return { keyless: alternative.keyless, log: { use, root: existing(root) } };
}

function existing(root: SigstoreRoot | undefined): SigstoreRoot {
  if (root === undefined)
    throw new FairleadError('Internal', 'a rule needs a trusted root, but the parsed policy has none');
  return root;
}

async function readPolicyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FairleadError('InvalidInput', `${path}: the policy cannot be read`, { cause, ...fileHint(cause) });
  }
}

/** Reads the files that a policy names, and hashes all that was read. */
class PolicyFiles {
  readonly #directory: string;
  readonly #checkPath: PolicyReading['checkPath'];
  readonly #hash = createHash('sha256');

  constructor(directory: string, checkPath: PolicyReading['checkPath']) {
    this.#directory = directory;
    this.#checkPath = checkPath;
  }

  /** Reads a file and converts it; errors specify where the policy names it. */
  async read<T>({ path, at }: FileName, make: (bytes: Buffer) => T): Promise<T> {
    const file = resolve(this.#directory, path);
    await this.#checkPath?.(file);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
      throw new FairleadError('InvalidInput', `${at}: ${path} ${reason}`, {
        cause,
        hint: `Create the file, or correct its name. Names are relative to the directory of the policy: ${resolve(this.#directory)}`,
      });
    }
    this.#add(path, bytes);
    return named(`${at}: ${path}`, () => make(bytes));
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
