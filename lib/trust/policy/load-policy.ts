import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FileName } from '#lib/config/config-document';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { step } from '#lib/steps';
import type { Policy } from './node-policy.ts';
import { type PolicyFiles, resolvePolicy } from './resolve-policy.ts';

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
  const origin =
    text === undefined ? ({ source: `${path} (which does not exist)`, missing: true } as const) : { source: path };
  const files = new DirectoryFiles(dirname(path), checkPath);
  const policy = await resolvePolicy(document, { ...origin, text: text ?? '', files });
  step(() => `use the trust policy ${path} (${policy.rules.length === 1 ? '1 rule' : `${policy.rules.length} rules`})`);
  return policy;
}

async function readPolicyFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new FairleadError('InvalidInput', `${path}: the policy cannot be read`, { cause, ...fileHint(cause) });
  }
}

/** The files that a policy in a directory names. */
class DirectoryFiles implements PolicyFiles {
  readonly #directory: string;
  readonly #checkPath: PolicyReading['checkPath'];

  constructor(directory: string, checkPath: PolicyReading['checkPath']) {
    this.#directory = directory;
    this.#checkPath = checkPath;
  }

  async read(file: FileName): Promise<Uint8Array> {
    const path = resolve(this.#directory, file.path);
    await this.#checkPath?.(path);
    try {
      return await readFile(path);
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
      throw new FairleadError('InvalidInput', `${this.describe(file)} ${reason}`, {
        cause,
        hint: `Create the file, or correct its name. Names are relative to the directory of the policy: ${resolve(this.#directory)}`,
      });
    }
  }

  describe({ path, at }: FileName): string {
    return `${at}: ${path}`;
  }
}
