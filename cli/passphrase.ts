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
  if (file !== undefined) return (await readText(file)).replace(/\r?\n$/, '');
  const fromEnvironment = env['FAIRLEAD_PASSPHRASE'] ?? env['COSIGN_PASSWORD'];
  if (fromEnvironment !== undefined) return fromEnvironment;
  return process.stdin.isTTY && process.stderr.isTTY ? askHidden(question) : undefined;
}

/** Asks at the terminal without showing what is typed. */
async function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  process.stdin.setRawMode(true);
  let typed = '';
  try {
    for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
      for (const character of chunk) {
        if (character === '\r' || character === '\n' || character === '\u0004') return typed;
        if (character === '\u0003') process.kill(process.pid, 'SIGINT');
        else if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else typed += character;
      }
    }
    return typed;
  } finally {
    process.stdin.setRawMode(false);
    process.stderr.write('\n');
  }
}
