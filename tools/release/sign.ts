import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SignerOptions, startRequiredSigner } from '#cli/options/signer';
import type { Alternative } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import { verifyBlob } from '#lib/trust/verify/verify-blob';
import { bundleSuffix, provenanceNames, sumsName } from './sums.ts';

/** The bill of materials. */
export const sbomName = 'fairlead.cdx.json';

/** Opens the signer of a release. */
export type OpenSigner = () => Promise<Signer>;

/**
 * Returns the signer that the environment specifies: the key in FAIRLEAD_RELEASE_KEY (its
 * passphrase is found as by `fairlead sign`), or, for `keyless`, the identity of the CI job.
 * Undefined if nothing is to be signed. Rejects for both, and for a key that cannot be opened, so
 * that this is known before the build.
 */
export async function releaseSigner(env: NodeJS.ProcessEnv, keyless: boolean): Promise<OpenSigner | undefined> {
  const key = env['FAIRLEAD_RELEASE_KEY'];
  if (key && keyless) throw new Error('FAIRLEAD_RELEASE_KEY and --keyless cannot be used together: unset one of them');
  // The token of a CI job is valid for minutes, and the build takes some.
  if (keyless) return () => openSigner({ keyless }, env);
  if (!key) return undefined;
  const signer = await openSigner({ key }, env);
  return async () => signer;
}

/** Opens the signer of these options. */
export async function openSigner(options: SignerOptions, env: NodeJS.ProcessEnv): Promise<Signer> {
  return (await startRequiredSigner(options, env)).signer;
}

/** The files that are signed as they are. */
const signedNames = [sumsName, sbomName];

/** The signatures of a release. */
export const bundleNames: readonly string[] = [
  ...signedNames.map((name) => name + bundleSuffix),
  provenanceNames.bundle,
];

/**
 * Signs a release: SHA256SUMS, which has the digests of the other files, the bill of materials, and
 * the provenance, a statement about `subjects`. Then verifies what was written, with each of these
 * files. Throws as the signer, and SignatureInvalid if something does not verify.
 */
export async function signRelease(directory: string, subjects: readonly string[], signer: Signer): Promise<void> {
  const by = await signersOf(signer);
  for (const name of signedNames) await write(name + bundleSuffix, await signer.signMessage(stream(name)));
  await write(provenanceNames.bundle, await signer.sign(await readFile(join(directory, provenanceNames.statement))));
  for (const name of signedNames) await verify(name, name + bundleSuffix);
  for (const name of subjects) await verify(name, provenanceNames.bundle, provenancePredicateType);

  function stream(name: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(directory, name), { highWaterMark: 1024 * 1024 });
  }

  function write(name: string, bundle: Uint8Array): Promise<void> {
    return writeFile(join(directory, name), bundle, { mode: 0o644 });
  }

  async function verify(name: string, bundleName: string, predicateType?: string): Promise<void> {
    const bundle = await readFile(join(directory, bundleName));
    for (const each of by) await verifyBlob(stream(name), { name, bundle, by: each, predicateType });
  }
}

/** Returns what each signature of the signer has to meet. */
async function signersOf(signer: Signer): Promise<readonly Alternative[]> {
  const by = (await signer.requirements())?.flatMap(({ anyOf }) => anyOf) ?? [];
  if (by.length > 0) return by;
  throw new Error('the signatures cannot be verified without a trusted root: set --trusted-root FILE');
}
