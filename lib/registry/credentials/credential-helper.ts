import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { type Env, notFound, runProgram } from '#lib/programs/run-program';
import type { Credentials } from './credentials.ts';

const answerSchema = v.object({ Username: v.string(), Secret: v.string() });

/**
 * Asks `docker-credential-NAME get` for a server's credentials (protocol of
 * docker-credential-helpers); returns undefined if it has none. The user name `<token>` means an
 * identity token. Rejects with Unauthenticated if the helper fails; its output is not shown, since
 * it may be a secret.
 */
export async function getFromHelper(name: string, server: string, env: Env): Promise<Credentials | undefined> {
  const { code, output } = await runHelper(name, 'get', server, env);
  if (code !== 0) {
    if (/credentials not found|no credentials server url/i.test(output)) return undefined;
    throw helperError(name, `failed for ${server} with exit code ${code}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    throw helperError(name, `returned invalid JSON for ${server}`);
  }
  if (!v.is(answerSchema, json)) throw helperError(name, `returned no Username and Secret for ${server}`);
  if (json.Username === '<token>') return { identityToken: json.Secret };
  return { username: json.Username, password: json.Secret };
}

/**
 * Stores a server's credentials with `docker-credential-NAME store`. Rejects as {@link
 * getFromHelper}.
 */
export async function storeInHelper(
  name: string,
  server: string,
  who: { readonly username: string; readonly secret: string },
  env: Env,
): Promise<void> {
  const entry = JSON.stringify({ ServerURL: server, Username: who.username, Secret: who.secret });
  const { code } = await runHelper(name, 'store', entry, env);
  if (code !== 0) throw helperError(name, `failed to store credentials for ${server} with exit code ${code}`);
}

/**
 * Erases a server's credentials with `docker-credential-NAME erase`. Rejects as {@link
 * getFromHelper}.
 */
export async function eraseFromHelper(name: string, server: string, env: Env): Promise<void> {
  const { code, output } = await runHelper(name, 'erase', server, env);
  if (code !== 0 && !/credentials not found/i.test(output)) {
    throw helperError(name, `failed to erase credentials for ${server} with exit code ${code}`);
  }
}

function helperError(name: string, what: string): FairleadError {
  return new FairleadError('Unauthenticated', `credential helper docker-credential-${name} ${what}`, {
    hint: `Run it by hand: echo SERVER | docker-credential-${name} get. Or remove it from the Docker config.json.`,
  });
}

async function runHelper(
  name: string,
  action: 'get' | 'store' | 'erase',
  input: string,
  env: Env,
): Promise<{ readonly code: number; readonly output: string }> {
  const outcome = await runProgram(`docker-credential-${name}`, [action], input, env);
  if (!('failed' in outcome)) return outcome;
  const absent = outcome.failed === notFound;
  throw helperError(name, absent ? 'is named in the Docker config.json, but is not in PATH' : outcome.failed);
}
