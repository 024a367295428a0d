import { FairleadError } from '#lib/errors';
import { readText } from '../files/files.ts';
import { isCi } from './verbosity.ts';

/**
 * Returns the passphrase of a private key from the file, FAIRLEAD_PASSPHRASE, COSIGN_PASSWORD or
 * the terminal, in this order; undefined without any of these.
 */
export async function findPassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  return (await readPassphrase(file, env)) ?? (isInteractive() ? askHidden(question) : undefined);
}

/**
 * Returns the passphrase for a new key, as findPassphrase does. At the terminal it is typed twice;
 * an empty one means no passphrase. Throws InvalidInput if the two differ, and if the file is
 * empty.
 */
export async function choosePassphrase(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
  question: string,
): Promise<string | undefined> {
  const given = await readPassphrase(file, env);
  if (file !== undefined && given === '') {
    // A file means that the key is to be encrypted.
    throw new FairleadError('InvalidInput', `${file} is empty: want a passphrase`, {
      hint: 'Write the passphrase to the file, or leave out --passphrase-file.',
    });
  }
  if (given !== undefined || !isInteractive()) return given;
  const chosen = await askHidden(question);
  if (chosen !== '' && (await askHidden('Repeat the passphrase: ')) !== chosen) {
    throw new FairleadError('InvalidInput', 'the passphrases differ; no key was generated', {
      hint: 'Try again.',
    });
  }
  return chosen;
}

/** Returns where findPassphrase finds the passphrase, for messages. */
export function passphraseSource(file: string | undefined, env: NodeJS.ProcessEnv): string {
  const variable = ['FAIRLEAD_PASSPHRASE', 'COSIGN_PASSWORD'].find((name) => env[name] !== undefined);
  return file ?? variable ?? 'the terminal';
}

async function readPassphrase(file: string | undefined, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (file !== undefined) return (await readText(file)).replace(/\r?\n$/, '');
  return env['FAIRLEAD_PASSPHRASE'] ?? env['COSIGN_PASSWORD'];
}

/** Returns whether a person is at the terminal; some CI systems have one without a person. */
export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && !isCi();
}

/** Asks for a line at the terminal. */
export async function askLine(question: string): Promise<string> {
  return (await ask(question, true)).trim();
}

/** Asks for a line at the terminal without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  return ask(question, false);
}

/** What was typed after the end of an answer: the beginning of the next answer. */
let typedAhead = '';

/**
 * Asks at the terminal, which is set not to echo: a password that is typed or pasted together with
 * a name, or before the question, is not shown. Ctrl-C ends the program.
 */
function ask(question: string, shown: boolean): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question, so that an early answer is not shown.
  stdin.setRawMode(true).setEncoding('utf8').resume();
  stderr.write(question);
  let typed: string[] = [];
  return new Promise((resolve) => {
    const leave = (): void => {
      stdin.off('data', take).off('end', end).setRawMode(false).pause();
      stderr.write('\n');
    };
    const finish = (rest: string): void => {
      leave();
      typedAhead = rest;
      resolve(typed.join(''));
    };
    const end = (): void => finish('');
    const take = (text: string): void => {
      const characters = [...text];
      for (const [at, character] of characters.entries()) {
        if (character === '\u0003') {
          leave();
          process.kill(process.pid, 'SIGINT');
          // Nothing is answered. The process stays until the signal ends it.
          setInterval(() => undefined, 1000);
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
