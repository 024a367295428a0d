import { FairleadError } from '#lib/errors';
import { readText } from './files.ts';

/**
 * The passphrase of a private key: from the file, else from FAIRLEAD_PASSPHRASE or COSIGN_PASSWORD, else from the person
 * at the terminal. Undefined where there is none of them.
 */
export async function findPassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  return (await readPassphrase(file, env)) ?? (isInteractive() ? askHidden(question) : undefined);
}

/**
 * As findPassphrase, for a key that is to be made: the person at the terminal types it twice, or nothing for none.
 * Throws InvalidInput where the two differ.
 */
export async function choosePassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  const given = await readPassphrase(file, env);
  if (given !== undefined || !isInteractive()) return given;
  const chosen = await askHidden(question);
  if (chosen !== '' && (await askHidden('The same again: ')) !== chosen) {
    throw new FairleadError('InvalidInput', 'the two passphrases differ; no key was made');
  }
  return chosen;
}

async function readPassphrase(file: string | undefined, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (file !== undefined) return (await readText(file)).replace(/\r?\n$/, '');
  return env['FAIRLEAD_PASSPHRASE'] ?? env['COSIGN_PASSWORD'];
}

/** Whether a person can be asked. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Asks at the terminal for a line that may be seen. */
export async function askLine(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await lines.question(question)).trim();
  } finally {
    lines.close();
  }
}

/** Asks at the terminal without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: who answers at once must not see the answer.
  stdin.setRawMode(true).setEncoding('utf8').resume();
  stderr.write(question);
  let typed = '';
  return new Promise((resolve) => {
    const finish = (): void => {
      stdin.off('data', take).off('end', finish).setRawMode(false).pause();
      stderr.write('\n');
      resolve(typed);
    };
    const take = (text: string): void => {
      for (const character of text) {
        if (character === '\r' || character === '\n' || character === '\u0004') {
          finish();
          return;
        }
        if (character === '\u0003') {
          finish();
          process.kill(process.pid, 'SIGINT');
        } else if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else typed += character;
      }
    };
    stdin.on('data', take).on('end', finish);
  });
}
