import { Command, CommanderError } from 'commander';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import { GateClosed, gateExit } from './process/gate.ts';
import { packageVersion } from './process/version.ts';
import { asksForJson, writeError, writeNote } from './terminal/output.ts';

/**
 * What a file of cli/commands exports: it puts arguments, options, help and the action on a fresh
 * command.
 */
export interface CommandModule {
  readonly define: (command: Command) => void;
}

interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** Only the command that is asked for is loaded: the others cost their summary line. */
const commands: Readonly<Record<string, CommandEntry>> = {
  push: { summary: 'publish a profile, signed, to an OCI registry', load: () => import('./commands/push.ts') },
  pull: { summary: 'fetch a profile that a trust policy allows', load: () => import('./commands/pull.ts') },
  sign: { summary: 'sign what is in a registry already', load: () => import('./commands/sign.ts') },
  attest: { summary: 'say something about an artifact, signed', load: () => import('./commands/attest.ts') },
  verify: { summary: 'say why a profile may be used, or why not', load: () => import('./commands/verify.ts') },
  inspect: { summary: 'show an artifact as it stands, unverified', load: () => import('./commands/inspect.ts') },
  lint: { summary: 'say what is probably not meant in profiles', load: () => import('./commands/lint.ts') },
  diff: { summary: 'compare two profiles by what they permit', load: () => import('./commands/diff.ts') },
  merge: { summary: 'intersect or unite profiles', load: () => import('./commands/merge.ts') },
  explain: { summary: 'say what holds on a node, and by which profile', load: () => import('./commands/explain.ts') },
  convert: { summary: 'write a profile in another form', load: () => import('./commands/convert.ts') },
  baseline: { summary: "print the runtime's default seccomp profile", load: () => import('./commands/baseline.ts') },
  policy: { summary: 'check, test and import trust policies', load: () => import('./commands/policy.ts') },
  copy: { summary: 'copy an artifact with its signatures', load: () => import('./commands/copy.ts') },
  save: { summary: 'put an artifact with its signatures into a file', load: () => import('./commands/save.ts') },
  load: { summary: 'bring a saved artifact into a registry', load: () => import('./commands/load.ts') },
  tag: { summary: 'give an artifact more tags', load: () => import('./commands/tag.ts') },
  ls: { summary: 'list tags, or repositories', load: () => import('./commands/ls.ts') },
  referrers: { summary: 'list what refers to an artifact', load: () => import('./commands/referrers.ts') },
  login: { summary: 'log in to a registry', load: () => import('./commands/login.ts') },
  logout: { summary: 'forget the password for a registry', load: () => import('./commands/logout.ts') },
  keygen: { summary: 'make a key pair to sign with', load: () => import('./commands/keygen.ts') },
  quickstart: { summary: 'walk the whole path on this machine', load: () => import('./commands/quickstart.ts') },
  serve: { summary: 'run the push and the pull service', load: () => import('./commands/serve.ts') },
  shim: { summary: 'stand between kubelet and container runtime', load: () => import('./commands/shim.ts') },
  operator: { summary: 'write references into pods, in Kubernetes', load: () => import('./commands/operator.ts') },
};

/**
 * Runs the program.
 * @param argv the arguments after the program's name
 * @returns the exit code (lib/errors.ts, errorMapping; cli/process/gate.ts); results are on stdout,
 * errors on stderr by then
 */
export async function run(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    // A reader that stops early (`fairlead pull … | head`) is no failure; nor does it make one a
    // success.
    if (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED') return;
    process.exit(
      report(
        new FairleadError('InvalidInput', 'cannot write to stdout', {
          cause,
          hint: 'What was written is not whole. Check where stdout leads, and the space that is left there.',
        }),
        argv,
      ),
    );
  });
  // Where the error cannot be said, the exit code still says it.
  process.stderr.on('error', () => undefined);
  try {
    const program = await buildProgram(argv);
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof GateClosed) {
      writeNote('failed', thrown.message);
      return gateExit;
    }
    const error = thrown instanceof CommanderError ? usageError(thrown, argv) : toFairleadError(thrown);
    if (error === undefined) return 0;
    return report(error, argv);
  }
}

/** Says an error in the form that was asked for, and gives its exit code. */
function report(error: FairleadError, argv: readonly string[]): number {
  writeError(error, asksForJson(argv) ? 'json' : 'text');
  return errorMapping[error.kind].exit;
}

/**
 * The whole command line as commander knows it; the commands that `argv` names have their options,
 * the others their summary.
 */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('fairlead')
    .description('Signed security profiles, from CI to the kernel, through any OCI registry.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .exitOverride()
    // The usage error is printed by run(), in the form of every other error.
    .configureOutput({ writeErr: () => {} })
    .addHelpText(
      'after',
      '\nTry first:\n  fairlead quickstart\nHelp on a command, with examples:\n  fairlead push --help',
    );
  const named = new Set(argv.filter((word) => !word.startsWith('-')).slice(0, 2));
  for (const [name, entry] of Object.entries(commands)) {
    const command = program.command(name).summary(entry.summary);
    if (named.has(name)) (await entry.load()).define(command);
  }
  if (argv.length === 0) program.action(() => program.outputHelp());
  return program;
}

/**
 * Commander's complaint as an error of ours; undefined where it only ended the run after help or
 * version.
 */
function usageError(error: CommanderError, [word = '', next = '']: readonly string[]): FairleadError | undefined {
  if (error.exitCode === 0) return undefined;
  const command = word === 'policy' && /^(?:check|test|import)$/.test(next) ? `${word} ${next}` : word;
  // `fairlead help nope` would show the general help, and has no words for what is wrong.
  const message = error.code === 'commander.help' ? `unknown command '${next}'` : error.message;
  return new FairleadError('InvalidInput', message.replace(/^error: /, '').replaceAll('\n', ' '), {
    hint: Object.hasOwn(commands, word)
      ? `fairlead ${command} --help shows its arguments and options, with examples.`
      : 'fairlead --help lists the commands; fairlead COMMAND --help shows the options, with examples.',
  });
}
