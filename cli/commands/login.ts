import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { isRegistry } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import { openNetwork, readPassword } from '../options/connect.ts';
import { addOutputOption, examples, type OutputOptions, trustRealmOption } from '../options/options.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';
import { askHidden, askLine, isInteractive } from '../terminal/passphrase.ts';

interface LoginOptions extends OutputOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly plainHttp?: boolean;
  readonly trustRealm?: readonly string[];
}

/** `fairlead login REGISTRY`. */
export function define(command: Command): void {
  command
    .description(
      'Log in to a registry. The password is read from a prompt or from stdin, checked with the registry, and stored in the ' +
        "credential helper of Docker's config.json, or in that file, where docker, oras, crane and cosign find it too. A " +
        'password cannot be an argument, because other processes could read it.',
    )
    .argument('<registry>', 'host[:port] of the registry')
    .option('-u, --username <name>', 'user name (default: a prompt)')
    .option('--password-stdin', 'read the password or token from stdin')
    .option('--plain-http', 'use HTTP instead of HTTPS for the registry (always used for loopback addresses)')
    .addOption(trustRealmOption());
  addVerbosityOptions(addOutputOption(command))
    .addHelpText(
      'after',
      examples([
        ['log in at a terminal', 'fairlead login registry.example.com'],
        ['log in from CI', 'echo "$TOKEN" | fairlead login ghcr.io --username "$ACTOR" --password-stdin'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('logged in', {
        InvalidInput: 'invalid request',
        Unauthenticated: 'credentials refused',
        Unavailable: 'registry unreachable',
      }),
    )
    .action(login);
}

async function login(registry: string, options: LoginOptions): Promise<void> {
  if (!isRegistry(registry)) {
    throw new FairleadError('InvalidInput', `invalid registry ${quote(registry)}: want host[:port]`, {
      hint: 'Use the host of a reference, such as ghcr.io or localhost:5000. Docker Hub is docker.io.',
    });
  }
  const { username, password } = await ask(registry, options);
  const [{ checkLogin }, { saveCredentials }, network] = await Promise.all([
    import('#lib/registry/remote/check-login'),
    import('#lib/registry/credentials/save-credentials'),
    openNetwork({ plainHttp: options.plainHttp ?? false, trustRealm: options.trustRealm ?? [] }, process.env),
  ]);
  await checkLogin(registry, { ...network, credentials: { username, password } });
  const kept = await saveCredentials(process.env, registry, { username, password });
  writeResult('login', options.output, {
    json: () => ({ registry, username, kept }),
    text: () => `logged in  ${registry} as ${username}\nstored in  ${kept}`,
    quiet: () => '',
  });
}

async function ask(registry: string, options: LoginOptions): Promise<{ username: string; password: string }> {
  if (options.passwordStdin) {
    if (options.username === undefined) throw missing('--password-stdin needs --username');
    return checked({ username: options.username, password: await readPassword() });
  }
  if (!isInteractive()) throw missing('no terminal to prompt for the password');
  const username = options.username ?? (await askLine(`User name for ${registry}: `));
  return checked({ username, password: await askHidden(`Password or token of ${username}: `) });
}

function checked(who: { username: string; password: string }): { username: string; password: string } {
  if (who.username === '' || who.password === '') throw missing('user name and password must not be empty');
  return who;
}

function missing(what: string): FairleadError {
  return new FairleadError('InvalidInput', what, {
    hint: 'echo "$PASSWORD" | fairlead login REGISTRY --username NAME --password-stdin',
  });
}
