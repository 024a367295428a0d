import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair } from '#lib/trust/keys/key';
import { makeChosenDirectory } from '../files/chosen-directory.ts';
import { writeNewFile } from '../files/files.ts';

/** The files that the services need, in one directory. */
export interface EmbeddedDirectory {
  /** OCI layout that acts as the registry. */
  readonly ociLayout: string;
  /** Private key, not encrypted: only the owner can read the directory. */
  readonly key: string;
  readonly publicKey: string;
  readonly policy: string;
  /** Holds the bearer token of the push service. */
  readonly tokenFile: string;
}

/** The policy of an embedded registry: everything that the key in the directory signed. */
const policyText = `apiVersion: fairlead.dev/v1
kind: TrustPolicy
rules:
  - match: "**"
    require:
      - key: fairlead.pub
`;

/** Creates the files that are missing in the directory, and returns the paths of all. */
export async function prepareEmbeddedDirectory(directory: string): Promise<EmbeddedDirectory> {
  const files: EmbeddedDirectory = {
    ociLayout: join(directory, 'registry'),
    key: join(directory, 'fairlead.key'),
    publicKey: join(directory, 'fairlead.pub'),
    policy: join(directory, 'policy.yaml'),
    tokenFile: join(directory, 'token'),
  };
  await makeChosenDirectory(directory, 0o700);
  if (!existsSync(files.key)) {
    const pair = await generateKeyPair();
    await writeNewFile(files.publicKey, pair.publicKey, 0o644);
    await writeNewFile(files.key, pair.privateKey, 0o600);
  }
  if (!existsSync(files.policy)) await writeNewFile(files.policy, policyText, 0o644);
  if (!existsSync(files.tokenFile)) {
    await writeNewFile(files.tokenFile, `${randomBytes(32).toString('base64url')}\n`, 0o600);
  }
  return files;
}
