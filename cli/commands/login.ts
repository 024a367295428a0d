import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { isRegistry } from '#lib/registry/reference';
import { openNetwork, readPassword } from '../options/connect.ts';
import { addOutputOption, examples, type OutputOptions, trustRealmOption } from '../options/options.ts';
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
      'Log in to a registry: the password is asked for, or read from stdin, tried out there, and then kept where docker, oras, crane ' +
        "and cosign find it too: in the credential helper that Docker's config.json names, else in that file. A password is never an " +
        'argument: every process of the machine could read it.',
    )
    .argument('<registry>', 'host or host:port')
    .option('--username <name>', 'who; asked for without')
    .option('--password-stdin', 'read the password or token from stdin')
    .option('--plain-http', 'speak HTTP to the registry (loopback addresses always get it)')
    .addOption(trustRealmOption());
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['at a terminal', 'fairlead login registry.example.com'],
        ['in CI', 'echo "$TOKEN" | fairlead login ghcr.io --username "$ACTOR" --password-stdin'],
      ]),
    )
    .action(login);
}

async function login(registry: string, options: LoginOptions): Promise<void> {
  if (!isRegistry(registry)) {
    throw new FairleadError('InvalidInput', `${JSON.stringify(registry)} is no registry host`, {
      hint: 'Write it as in references: ghcr.io, localhost:5000. Docker Hub is docker.io.',
    });
  }
  const { username, password } = await ask(registry, options);
  const [{ checkLogin }, { saveCredentials }, network] = await Promise.all([
    import('#lib/registry/remote/check-login'),
    import('#lib/registry/credentials'),
    openNetwork({ plainHttp: options.plainHttp ?? false, trustRealm: options.trustRealm ?? [] }, process.env),
  ]);
  await checkLogin(registry, { ...network, credentials: { username, password } });
  const kept = await saveCredentials(process.env, registry, { username, password });
  writeResult(options.output, {
    json: () => ({ registry, username, kept }),
    text: () => `logged in  ${registry} as ${username}\nkept in    ${kept}`,
  });
}

async function ask(registry: string, options: LoginOptions): Promise<{ username: string; password: string }> {
  if (options.passwordStdin) {
    if (options.username === undefined) throw missing('--password-stdin needs --username');
    return checked({ username: options.username, password: await readPassword() });
  }
  if (!isInteractive()) throw missing('there is no terminal to ask for the password');
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
