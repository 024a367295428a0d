import { access, constants } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { FileName } from '#lib/config/config-document';
import { FairleadError } from '#lib/errors';
import { makeChosenDirectory } from '../files/chosen-directory.ts';
import { readInput, writeNewFile } from '../files/files.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { withFlags } from '../terminal/hints.ts';
import { versioned, writeJson, writeNote } from '../terminal/output.ts';

interface ImportOptions extends OutputOptions {
  readonly directory?: string;
  readonly allowUnsigned?: boolean;
  readonly skip?: boolean;
}

const maxPolicyBytes = 1024 * 1024;

/** `fairlead policy import FILE`. */
export function define(command: Command): void {
  command
    .summary('convert a containers-policy.json of Podman or CRI-O')
    .description(
      'Convert a containers-policy.json(5), as Podman, skopeo and CRI-O read it, to a trust policy on stdout. The result is never ' +
        'less strict. The command fails if an entry has no exact equivalent, or if the default accepts anything, as Debian and ' +
        'Red Hat ship it; the error names the entry. Notes on stderr list what is allowed unsigned and what was left out.',
    )
    .argument('<file>', 'containers-policy.json; - is stdin')
    .option(
      '--directory <directory>',
      'write policy.yaml and the keys that are embedded in the input to this directory',
    )
    .option(
      '--allow-unsigned',
      'import a default that accepts anything: unsigned artifacts that no other rule matches are allowed',
    )
    .option(
      '--skip',
      'leave out entries that cannot be imported (GPG signatures, a default that accepts anything); they are denied and listed',
    );
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['import the policy of a node', 'fairlead policy import /etc/containers/policy.json > policy.yaml'],
        ['leave out GPG signatures', 'fairlead policy import --skip /etc/containers/policy.json > policy.yaml'],
      ]),
    )
    .addHelpText('after', exitCodes('imported', { InvalidInput: 'no such file, or rules that cannot be imported' }))
    .action(importPolicy);
}

async function importPolicy(file: string, { directory, allowUnsigned, skip, output }: ImportOptions): Promise<void> {
  const { importContainersPolicy } = await import('#lib/trust/policy/import-containers-policy');
  const text = new TextDecoder().decode(await readInput(file, maxPolicyBytes));
  const source = file === '-' ? 'stdin' : file;
  const { policy, keys, keyFiles, notes } = importContainersPolicy(text, source, { allowUnsigned, skip });
  if (directory === undefined && keys.size > 0) {
    throw new FairleadError('InvalidInput', `${file} embeds keys (${keys.size}), which need files of their own`, {
      hint: 'Use --directory DIRECTORY to write policy.yaml and the keys there.',
    });
  }
  if (directory !== undefined) await makeChosenDirectory(directory);
  const allNotes = [...notes, ...(await missingKeys(keyFiles, directory ?? '.'))].map(withFlags);
  const written = directory === undefined ? [] : await writePolicy(directory, policy, keys);
  if (output === 'json') {
    writeJson(versioned('policy import', { policy, written, notes: allNotes }));
    return;
  }
  for (const note of allNotes) writeNote('note', note);
  process.stdout.write(directory === undefined ? policy : written.map((path) => `written    ${path}\n`).join(''));
}

/** Writes a policy and its keys into a directory, and returns their names. */
async function writePolicy(
  directory: string,
  policy: string,
  keys: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const files = [...keys, ['policy.yaml', policy] as const].map(
    ([name, text]) => [join(directory, name), text] as const,
  );
  for (const [path, text] of files) await writeNewFile(path, text, 0o644);
  return files.map(([path]) => path);
}

/** Returns a note for each key file that cannot be read from a policy in this directory. */
async function missingKeys(keyFiles: readonly FileName[], directory: string): Promise<string[]> {
  const notes = await Promise.all(
    keyFiles.map(async ({ path, at }) => {
      const reason = await access(resolve(directory, path), constants.R_OK).then(() => undefined, fileErrorReason);
      return reason === undefined ? [] : [`${at}: key ${path} ${reason}: the policy is invalid without it`];
    }),
  );
  return notes.flat();
}

function fileErrorReason(error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT' ? 'does not exist' : 'cannot be read';
}
