import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair } from '#lib/trust/keys/key';
import { makeChosenDirectory } from '../files/chosen-directory.ts';
import { writeNewFile } from '../files/files.ts';

/** Everything that the services need, in one folder. */
export interface EmbeddedDirectory {
  /** OCI layout in place of a registry. */
  readonly ociLayout: string;
  /** Private key, not encrypted: the folder itself is readable by its owner only. */
  readonly key: string;
  readonly publicKey: string;
  readonly policy: string;
  /** What callers of the push service must present. */
  readonly tokenFile: string;
}

/** The policy of an embedded registry: every name, as long as this folder's key signed it. */
const policyText = `apiVersion: fairlead.dev/v1
kind: TrustPolicy
rules:
  - match: "**"
    require:
      - key: fairlead.pub
`;

/**
 * Makes what is missing in the folder, and says where everything is. What is there stays as it is.
 */
export async function prepareEmbeddedDirectory(folder: string): Promise<EmbeddedDirectory> {
  const files: EmbeddedDirectory = {
    ociLayout: join(folder, 'registry'),
    key: join(folder, 'fairlead.key'),
    publicKey: join(folder, 'fairlead.pub'),
    policy: join(folder, 'policy.yaml'),
    tokenFile: join(folder, 'token'),
  };
  await makeChosenDirectory(folder, 0o700);
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
