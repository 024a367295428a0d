import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { migrateManifests } from '#operator/migrate/migrate-manifests';
import type { MigratedFile } from '#operator/migrate/migration';
import type { Document } from '../documents/documents.ts';
import { rewriteFile } from '../files/files.ts';
import {
  changeLines,
  count,
  decisionLine,
  describeMigration,
  findingsOf,
  noticeLine,
} from '../migrate/describe-migration.ts';
import { type NamedManifest, readManifestFiles } from '../migrate/read-manifest-files.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { failTogether } from '../process/fail-together.ts';
import { GateClosed } from '../process/gate.ts';
import { versioned, writeHint, writeJson, writeNote, writeResult } from '../terminal/output.ts';

interface MigrateOptions extends OutputOptions {
  readonly inPlace?: boolean;
  readonly check?: boolean;
}

/** `fairlead migrate FILE…`. */
export function define(command: Command): void {
  command
    .description(
      'Migrate manifests of the Security Profiles Operator (SPO), of before and after its 1.0, to v1, and print them: ' +
        'profiles, bindings, recordings, the configuration of its daemon, and the references to profiles in pods and ' +
        'workloads. Other objects, comments and layout stay as they are. Each change is listed with its place. What only a ' +
        'person can decide, such as two profiles that would get the same name, is listed with the choices, and the object ' +
        'stays as it is. Give all manifests of a cluster together.',
    )
    .argument('<path...>', 'manifests: YAML or JSON files, directories, - for stdin')
    .addOption(
      new Option('--in-place', 'rewrite the files; one in which something must be decided stays as it is').conflicts(
        'check',
      ),
    )
    .option('--check', 'write nothing, and exit with 1 if a file would change');
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['see what would change in a repository', 'fairlead migrate --check deploy/'],
        ['rewrite its manifests', 'fairlead migrate --in-place deploy/'],
        ['migrate what is in a cluster', 'kubectl get seccompprofiles -A -o yaml | fairlead migrate - > profiles.yaml'],
        ['migrate what Helm renders', 'helm template ./chart | fairlead migrate - | kubectl apply -f -'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes(
        'migrated',
        {
          gate: 'something must be decided, or would change (with --check)',
          InvalidInput: 'no such file',
          ProfileInvalid: 'a file is not valid YAML or JSON',
          LimitExceeded: 'too large',
        },
        'If a file cannot be read, the others are still migrated.',
      ),
    )
    .action(migrate);
}

async function migrate(paths: readonly string[], options: MigrateOptions): Promise<void> {
  const { inPlace = false, check = false, output } = options;
  if (inPlace && paths.includes('-')) {
    throw new FairleadError('InvalidInput', '--in-place cannot rewrite stdin', {
      hint: 'Leave out --in-place: the manifests are printed.',
    });
  }
  const read = await readManifestFiles(paths);
  const migration = migrateManifests(read.files);
  const unread = [...read.unread, ...migration.unread];
  const { files } = migration;
  const { changes, decisions, notices } = findingsOf(files);
  const written = inPlace ? await rewrite(files, read.files) : new Set<string>();
  const isPrinted = !inPlace && !check;
  const document = (): Document<'migrate'> => ({
    failed: unread.length > 0 || decisions.length > 0 || (check && changes.length > 0),
    files: files.map((file) => ({
      file: file.name,
      status: statusOf(file),
      written: written.has(file.name),
      ...(isPrinted && { content: file.text }),
    })),
    changes: changes.map(({ from = null, to = null, ...change }) => ({ ...change, from, to })),
    decisions,
    notices,
    unread: unread.map(({ file, error: { kind, message, hint } }) => ({ file, error: { kind, message, hint } })),
  });
  if (output === 'json') writeJson(versioned('migrate', document()));
  else if (isPrinted) print(files, read.files);
  else
    writeResult('migrate', output, {
      json: document,
      text: () => describeMigration(files, check ? 'to change' : 'changed'),
    });
  const [first, ...others] = unread.map(({ error }) => error);
  if (first !== undefined) {
    throw failTogether(first, others, { all: files.length + unread.length, noun: 'files', output, member: 'unread' });
  }
  if (decisions.length > 0) {
    throw new GateClosed(
      `${count(decisions.length, 'decision')} to make in ${count(files.filter((file) => file.decisions.length > 0).length, 'file')}`,
      'Edit the manifests by one of the choices, and run the command again.',
    );
  }
  if (check && changes.length > 0) {
    throw new GateClosed(
      `${count(files.filter((file) => file.changes.length > 0).length, 'file')} would change`,
      `Run fairlead migrate --in-place ${paths.join(' ')}.`,
    );
  }
}

function statusOf({ changes, decisions }: MigratedFile): 'changed' | 'unchanged' | 'undecided' {
  if (decisions.length > 0) return 'undecided';
  return changes.length > 0 ? 'changed' : 'unchanged';
}

/** Writes the files that changed and are decided, and returns their names. */
async function rewrite(files: readonly MigratedFile[], read: readonly NamedManifest[]): Promise<ReadonlySet<string>> {
  const before = new Map(read.map(({ name, text }) => [name, text]));
  const written = new Set<string>();
  for (const file of files) {
    if (statusOf(file) !== 'changed' || before.get(file.name) === file.text) continue;
    await rewriteFile(file.name, Buffer.from(file.text));
    written.add(file.name);
  }
  return written;
}

/** Prints the manifests as one stream, and what changed on stderr. */
function print(files: readonly MigratedFile[], read: readonly NamedManifest[]): void {
  const named = new Set(read.filter(({ isNamed }) => isNamed).map(({ name }) => name));
  const texts = files.filter(({ name, isManifest }) => named.has(name) || isManifest).map(({ text }) => text);
  const [only, ...others] = texts;
  if (only !== undefined) process.stdout.write(others.length === 0 ? only : texts.map(asDocument).join(''));
  const { changes, decisions, notices } = findingsOf(files);
  for (const line of changeLines(changes)) writeNote('note', line);
  for (const notice of notices) writeNote('note', noticeLine(notice));
  for (const decision of decisions) {
    writeNote('warning', decisionLine(decision));
    for (const choice of decision.choices) writeHint(choice);
  }
}

/** Returns a file as documents of a stream. */
function asDocument(text: string): string {
  const begun = /^(?:#[^\n]*\n|\s)*---(?=\s)/.test(text) ? text : `---\n${text}`;
  return begun.endsWith('\n') ? begun : `${begun}\n`;
}
