import { access, constants, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { FileName } from '#lib/trust/policy/policy-text';
import { explanationDocument, explanationText } from '../explain/explain-decision.ts';
import { policyDocument, policyText } from '../explain/show-policy.ts';
import { makeChosenFolder } from '../files/chosen-folder.ts';
import { readInput, unreadable, writeNewFile } from '../files/files.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  parseKind,
  type RegistryOptions,
} from '../options/options.ts';
import { writeNote, writeResult } from '../terminal/output.ts';

interface TestOptions extends OutputOptions, RegistryOptions {
  readonly kind: RuntimeKind;
}

interface ImportOptions {
  readonly folder?: string;
  readonly allowUnsigned?: boolean;
  readonly skip?: boolean;
}

const maxPolicyBytes = 1024 * 1024;

/** `fairlead policy check|test|import`. */
export function define(command: Command): void {
  command
    .description('Work with trust policies: who may publish what (docs/guides/trust-policy.md).')
    .addHelpText(
      'after',
      examples([
        ['what does it ask for?', 'fairlead policy check policy.yaml'],
        ['why is this refused?', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx:1.27'],
        ['take over what the node has', 'fairlead policy import /etc/containers/policy.json'],
      ]),
    )
    .allowExcessArguments()
    .action(() => {
      const [unknown] = command.args;
      throw new FairleadError(
        'InvalidInput',
        unknown === undefined ? 'policy needs a subcommand: check, test or import' : `unknown command '${unknown}'`,
        {
          hint: 'fairlead policy --help shows what each does, with examples.',
        },
      );
    });
  addOutputOption(command.command('check'))
    .summary('read a policy and every file that it names')
    .description('Read a policy and every file that it names, as a node would, and say what each rule asks for.')
    .argument('<file>', 'trust policy')
    .addHelpText('after', examples([['in CI, before it is rolled out', 'fairlead policy check policy.yaml']]))
    .action(check);
  const test = command
    .command('test')
    .summary('explain what a policy says of a reference')
    .description(
      'Explain what a policy says of a reference, step by step: which rules were asked, which decides, and which signatures ' +
        'meet it or why not. Without tag and digest only the rules are asked, and no registry.',
    )
    .argument('<file>', 'trust policy')
    .argument('<reference>', 'registry/repository, with :tag or @sha256:… to look at its signatures')
    .option('--kind <kind>', 'what is wanted: seccomp or apparmor', parseKind, 'Seccomp');
  addRegistryOptions(test);
  addOutputOption(test)
    .addHelpText(
      'after',
      `${examples([
        ['which rule is it?', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx'],
        ['and would its signatures do?', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx:1.27'],
      ])}\n\nExit codes: 0 allowed, 4 no rule allows it, 5 signature missing or wrong, 7 no such artifact, 8 registry out of reach.`,
    )
    .action(explain);
  command
    .command('import')
    .summary("make a policy of Podman's and CRI-O's containers-policy.json")
    .description(
      'Make a trust policy of a containers-policy.json(5), as Podman, skopeo and CRI-O read it; it goes to stdout. What cannot be ' +
        'said exactly is an error that names it, and so is a default that accepts anything, as Debian and Red Hat ship it: nothing is ' +
        'made looser. What is allowed unsigned, and what was left out, is named on stderr.',
    )
    .argument('<file>', 'containers-policy.json; - is stdin')
    .option('--folder <folder>', 'write policy.yaml there, and the keys that stood inside the other policy')
    .option(
      '--allow-unsigned',
      'take over a default that accepts anything: what no other rule matches is allowed, unsigned',
    )
    .option(
      '--skip',
      'leave out what cannot be imported (GPG signatures, a default that accepts anything): it is denied, and each entry named',
    )
    .addHelpText(
      'after',
      examples([
        ['take over what the node has', 'fairlead policy import /etc/containers/policy.json > policy.yaml'],
        ['without its GPG signatures', 'fairlead policy import --skip /etc/containers/policy.json > policy.yaml'],
      ]),
    )
    .action(importPolicy);
}

async function check(file: string, options: OutputOptions): Promise<void> {
  const policy = await loadExisting(file);
  writeResult(options.output, { json: () => policyDocument(policy), text: () => policyText(policy) });
}

async function explain(file: string, referenceText: string, options: TestOptions): Promise<void> {
  const reference = parseReference(referenceText);
  const [{ explainDecision }, connect] = await Promise.all([
    import('#lib/trust/verify/explain-decision'),
    openRegistries(options, process.env),
  ]);
  const policy = await loadExisting(file);
  const explanation = await explainDecision({ reference, kind: options.kind }, { policy, connect });
  const named = { policy, reference: formatReference(reference), explanation };
  writeResult(options.output, { json: () => explanationDocument(named), text: () => explanationText(named) });
  if (explanation.refusal !== undefined) throw explanation.refusal;
}

async function importPolicy(file: string, { folder, allowUnsigned, skip }: ImportOptions): Promise<void> {
  const { importContainersPolicy } = await import('#lib/trust/policy/import-containers-policy');
  const text = new TextDecoder().decode(await readInput(file, maxPolicyBytes));
  const source = file === '-' ? 'stdin' : file;
  const { policy, keys, keyFiles, notes } = importContainersPolicy(text, source, { allowUnsigned, skip });
  if (folder === undefined) {
    if (keys.size > 0) {
      throw new FairleadError('InvalidInput', `${file} holds keys (${keys.size}), which need files of their own`, {
        hint: 'Give --folder FOLDER: policy.yaml and the keys are written there.',
      });
    }
    for (const note of [...notes, ...(await missingKeys(keyFiles, '.'))]) writeNote('note', note);
    process.stdout.write(policy);
    return;
  }
  await makeChosenFolder(folder);
  for (const note of [...notes, ...(await missingKeys(keyFiles, folder))]) writeNote('note', note);
  for (const [name, key] of keys) await writeNewFile(join(folder, name), key, 0o644);
  await writeNewFile(join(folder, 'policy.yaml'), policy, 0o644);
  process.stdout.write(
    `${[...keys.keys(), 'policy.yaml'].map((name) => `written    ${join(folder, name)}`).join('\n')}\n`,
  );
}

/** Notes of keys that a policy in the folder names and would not find: it would not be taken. */
async function missingKeys(keyFiles: readonly FileName[], folder: string): Promise<string[]> {
  const notes = await Promise.all(
    keyFiles.map(async ({ path, at }) => {
      const reason = await access(resolve(folder, path), constants.R_OK).then(() => undefined, fileErrorReason);
      return reason === undefined ? [] : [`${at}: key ${path} ${reason}: the policy is not taken before it is there`];
    }),
  );
  return notes.flat();
}

function fileErrorReason(error: NodeJS.ErrnoException): string {
  return error.code === 'ENOENT' ? 'does not exist' : 'cannot be read';
}

/**
 * Loads a policy that is there: to a node, one that is not is a policy that denies everything; to
 * who looks at it, a mistake.
 */
async function loadExisting(file: string) {
  const { loadPolicy } = await import('#lib/trust/policy/load-policy');
  await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  return loadPolicy(file);
}
