import { basename } from 'node:path';
import { Command, CommanderError, Help, type Option } from 'commander';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import { preferCommandLine } from './options/environment.ts';
import { cleanUpAtSignals } from './process/ended-by-signal.ts';
import { exitWhenWritten } from './process/exit.ts';
import { GateClosed, gateExit } from './process/gate.ts';
import { leaveWebAssemblyUnoptimized } from './process/unoptimized-webassembly.ts';
import { packageVersion } from './process/version.ts';
import { startReporting } from './reporting/start-reporting.ts';
import { helpWidth, wrapExitCodes } from './terminal/help-width.ts';
import { asksForJson, writeError, writeHint, writeNote } from './terminal/output.ts';

/** What a file of cli/commands exports. */
export interface CommandModule {
  /** Adds arguments, options, help and the action to a new command. */
  readonly define: (command: Command) => void;
}

interface CommandEntry {
  readonly summary: string;
  /** Set if it runs until it is stopped. */
  readonly service?: true;
  readonly load: () => Promise<CommandModule>;
  /** The next step after a signal has ended it, if something may be incomplete. */
  readonly afterSignal?: string;
  /** Set if the command reads the options of all commands. */
  readonly readsAll?: true;
}

const sentAgain = 'Nothing incomplete was tagged. Run the same command again: nothing is sent twice.';

/** Only the command that runs is loaded; the others cost only their summary line. */
const commands: Readonly<Record<string, CommandEntry>> = {
  push: {
    summary: 'publish a signed profile to an OCI registry',
    afterSignal: sentAgain,
    load: () => import('./commands/push.ts'),
  },
  pull: { summary: 'fetch a profile that the trust policy allows', load: () => import('./commands/pull.ts') },
  sign: { summary: 'sign an artifact that is in a registry', load: () => import('./commands/sign.ts') },
  attest: { summary: 'attach a signed attestation to an artifact', load: () => import('./commands/attest.ts') },
  verify: { summary: 'verify a profile as a node does', load: () => import('./commands/verify.ts') },
  'sign-blob': { summary: 'sign files', load: () => import('./commands/sign-blob.ts') },
  'verify-blob': { summary: 'verify the signature of a file', load: () => import('./commands/verify-blob.ts') },
  inspect: { summary: 'show an artifact without verifying it', load: () => import('./commands/inspect.ts') },
  lint: { summary: 'find likely mistakes in profiles', load: () => import('./commands/lint.ts') },
  diff: { summary: 'compare two profiles by what they permit', load: () => import('./commands/diff.ts') },
  merge: { summary: 'combine profiles by intersection or union', load: () => import('./commands/merge.ts') },
  explain: { summary: 'show what a profile permits on a node, and why', load: () => import('./commands/explain.ts') },
  convert: { summary: 'convert a profile to another form', load: () => import('./commands/convert.ts') },
  migrate: {
    summary: 'migrate manifests of the Security Profiles Operator to v1',
    load: () => import('./commands/migrate.ts'),
  },
  baseline: {
    summary: 'print the default profile of a container runtime',
    load: () => import('./commands/baseline.ts'),
  },
  policy: { summary: 'check, test and import trust policies', load: () => import('./commands/policy.ts') },
  copy: {
    summary: 'copy an artifact with its signatures',
    afterSignal: sentAgain,
    load: () => import('./commands/copy.ts'),
  },
  save: {
    summary: 'save artifacts with their signatures to a file',
    afterSignal: 'No file was written. Run the same command again.',
    load: () => import('./commands/save.ts'),
  },
  load: {
    summary: 'load saved artifacts into a registry',
    afterSignal: sentAgain,
    load: () => import('./commands/load.ts'),
  },
  tag: { summary: 'add tags to an artifact', load: () => import('./commands/tag.ts') },
  untag: { summary: 'remove a tag from an artifact', load: () => import('./commands/untag.ts') },
  delete: {
    summary: 'delete an artifact with its signatures',
    afterSignal: 'Some of it may be deleted. Run the same command again to delete the rest.',
    load: () => import('./commands/delete.ts'),
  },
  ls: { summary: 'list tags or repositories', load: () => import('./commands/ls.ts') },
  referrers: { summary: 'list what refers to an artifact', load: () => import('./commands/referrers.ts') },
  catalog: {
    summary: 'build, search and follow catalogs of profiles',
    load: () => import('./commands/catalog.ts'),
  },
  find: { summary: 'find the profiles of a container image', load: () => import('./commands/find.ts') },
  login: { summary: 'log in to a registry', load: () => import('./commands/login.ts') },
  logout: { summary: 'log out of a registry', load: () => import('./commands/logout.ts') },
  keygen: { summary: 'generate a key pair for signing', load: () => import('./commands/keygen.ts') },
  completion: {
    summary: 'print a completion script for a shell',
    load: () => import('./commands/completion.ts'),
    readsAll: true,
  },
  quickstart: { summary: 'try the whole path on this machine', load: () => import('./commands/quickstart.ts') },
  serve: {
    summary: 'run the push and pull services',
    service: true,
    load: () => import('./commands/serve.ts'),
  },
  healthcheck: { summary: 'ask a service whether it is ready', load: () => import('./commands/healthcheck.ts') },
  shim: {
    summary: 'run the proxy between the kubelet and the container runtime',
    service: true,
    load: () => import('./commands/shim.ts'),
  },
  node: {
    summary: 'ask the shim of this node, and check the node',
    load: () => import('./commands/node.ts'),
  },
  lsm: {
    summary: 'load AppArmor profiles into the kernel for the shim',
    service: true,
    load: () => import('./commands/lsm.ts'),
  },
  operator: {
    summary: 'run the Kubernetes operator',
    service: true,
    load: () => import('./commands/operator.ts'),
  },
  cluster: {
    summary: 'show the profiles of the pods of a cluster, and why',
    load: () => import('./commands/cluster.ts'),
  },
  version: { summary: 'show what this program was built from', load: () => import('./commands/version.ts') },
};

/**
 * Runs the program, and ends the process with its exit code when all output is written.
 *
 * @param args the arguments after the program's name.
 * @param invokedAs the path by which the program was started. As `kubectl-fairlead`, it is a plugin
 * of kubectl, which has the commands of `fairlead cluster`.
 */
export async function main(args: readonly string[], invokedAs: string): Promise<never> {
  const argv = basename(invokedAs) === 'kubectl-fairlead' ? ['cluster', ...args] : args;
  const { service, afterSignal } = commands[argv[0] ?? ''] ?? {};
  if (service === undefined) {
    leaveWebAssemblyUnoptimized();
    cleanUpAtSignals((signal) => {
      if (afterSignal === undefined || asksForJson(argv)) return;
      writeNote('failed', `ended by ${signal}`);
      writeHint(afterSignal);
    });
  }
  return exitWhenWritten(await run(argv));
}

/**
 * Runs the program, with results on stdout and errors on stderr.
 *
 * @param argv the arguments after the program's name.
 * @returns the exit code (lib/errors.ts, errorMapping; cli/process/gate.ts).
 */
export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    // A reader that stops early (`fairlead pull … | head`) does not change the exit code.
    if (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED') return;
    process.exit(
      report(
        new FairleadError('InvalidInput', 'cannot write to stdout', {
          cause,
          hint: 'The output is incomplete. Check where stdout is redirected to, and the free space there.',
        }),
        argv,
      ),
    );
  });
  // If stderr cannot be written, the exit code still reports the error.
  process.stderr.on('error', () => undefined);
  let program: Command | undefined;
  let running: Command | undefined;
  try {
    program = await buildProgram(argv);
    program.hook('preAction', async (_, command) => {
      running = command;
      preferCommandLine(command);
      await startReporting(command);
    });
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof GateClosed) {
      writeNote('failed', thrown.message);
      if (thrown.hint !== undefined) writeHint(thrown.hint);
      return gateExit;
    }
    const error = await (thrown instanceof CommanderError && program !== undefined
      ? explainUsage(thrown, argv, program)
      : toFairleadError(thrown));
    return error === undefined ? 0 : report(error, argv, running?.getOptionValue('ociLayout'));
  }
}

async function explainUsage(
  error: CommanderError,
  argv: readonly string[],
  program: Command,
): Promise<FairleadError | undefined> {
  const { usageError } = await import('./usage/usage-error.ts');
  return usageError(error, { argv, program, loadAll: () => buildProgram(['completion']) });
}

/** Prints an error in the requested form, and returns its exit code. */
function report(error: FairleadError, argv: readonly string[], ociLayout?: string): number {
  writeError(error, asksForJson(argv) ? 'json' : 'text', ociLayout);
  return errorMapping[error.kind].exit;
}

/** Returns the description of an option in the help: commander's, and whether it is required. */
function optionDescription(option: Option): string {
  const description = Help.prototype.optionDescription(option);
  return option.mandatory ? `${description} (required)` : description;
}

/**
 * Returns the command line for commander. The commands that `argv` names have their options, the
 * others only their summary. If it names `completion`, all have their options.
 */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('fairlead')
    .description('Publish security profiles as signed OCI artifacts, and apply them on nodes under a trust policy.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ optionDescription })
    // usageError() has suggestions of its own.
    .showSuggestionAfterError(false)
    .exitOverride()
    // `--version` after `push` is that of the profile.
    .enablePositionalOptions()
    // run() prints usage errors, in the form of all errors.
    .configureOutput({
      writeErr: () => {},
      writeOut: (text) => void process.stdout.write(wrapExitCodes(text, helpWidth(process.stdout))),
      getOutHelpWidth: () => helpWidth(process.stdout),
    })
    .addHelpText(
      'after',
      '\nTo begin:\n  fairlead quickstart\nTo see the options of a command, with examples:\n  fairlead push --help',
    );
  const named = new Set(argv.filter((word) => !word.startsWith('-')).slice(0, 2));
  const isWhole = Object.entries(commands).some(([name, { readsAll }]) => readsAll && named.has(name));
  for (const [name, entry] of Object.entries(commands)) {
    const command = program.command(name).summary(entry.summary);
    if (isWhole || named.has(name)) (await entry.load()).define(command);
  }
  if (argv.length === 0) program.action(() => program.outputHelp());
  return program;
}
