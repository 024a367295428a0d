import { FairleadError } from '#lib/errors';
import { readText } from '../files/files.ts';

/**
 * The passphrase of a private key: from the file, else from FAIRLEAD_PASSPHRASE or COSIGN_PASSWORD,
 * else from the person at the terminal. Undefined where there is none of them.
 */
export async function findPassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  return (await readPassphrase(file, env)) ?? (isInteractive() ? askHidden(question) : undefined);
}

/**
 * As findPassphrase, for a key that is to be made: the person at the terminal types it twice, or
 * nothing for none. Throws InvalidInput where the two differ, and where the file is empty.
 */
export async function choosePassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  const given = await readPassphrase(file, env);
  if (file !== undefined && given === '') {
    // Who names a file wants an encrypted key: none is made that is not.
    throw new FairleadError('InvalidInput', `${file} holds no passphrase`, {
      hint: 'Write the passphrase on its first line, or leave out --passphrase-file.',
    });
  }
  if (given !== undefined || !isInteractive()) return given;
  const chosen = await askHidden(question);
  if (chosen !== '' && (await askHidden('The same again: ')) !== chosen) {
    throw new FairleadError('InvalidInput', 'the two passphrases differ; no key was made', {
      hint: 'Try again, and type the same twice.',
    });
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
  return (await ask(question, true)).trim();
}

/** Asks at the terminal without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  return ask(question, false);
}

/** What was typed after the end of a line that was asked for: the beginning of the next answer. */
let typedAhead = '';

/**
 * Asks at the terminal. It does not show by itself what is typed, so that a password that is typed
 * or pasted together with a name, or before it is asked for, is not seen. Ctrl-C ends the program
 * as ever.
 */
function ask(question: string, shown: boolean): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: who answers at once must not see the answer.
  stdin.setRawMode(true).setEncoding('utf8').resume();
  stderr.write(question);
  let typed: string[] = [];
  return new Promise((resolve) => {
    const finish = (rest: string): void => {
      stdin.off('data', take).off('end', end).setRawMode(false).pause();
      stderr.write('\n');
      typedAhead = rest;
      resolve(typed.join(''));
    };
    const end = (): void => finish('');
    const take = (text: string): void => {
      const characters = [...text];
      for (const [at, character] of characters.entries()) {
        if (character === '\u0003') {
          finish('');
          process.kill(process.pid, 'SIGINT');
          return;
        }
        if (character === '\r' || character === '\n' || character === '\u0004') {
          const rest = characters.slice(at + 1).join('');
          finish(character === '\r' ? rest.replace(/^\n/, '') : rest);
          return;
        }
        const erased = { '\u007f': 1, '\b': 1, '\u0015': typed.length }[character];
        if (erased !== undefined) {
          const left = Math.max(0, typed.length - erased);
          if (shown) stderr.write('\b \b'.repeat(typed.length - left));
          typed = typed.slice(0, left);
        } else if (character >= ' ') {
          typed.push(character);
          if (shown) stderr.write(character);
        }
      }
    };
    stdin.on('data', take).on('end', end);
    const ahead = typedAhead;
    typedAhead = '';
    take(ahead);
  });
}
