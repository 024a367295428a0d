/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * How a program ended: what it printed, or why there is nothing to go by. Nothing of its output
 * stands in `failed`.
 */
export type Outcome = { readonly code: number; readonly output: string } | { readonly failed: string };

const outputLimit = 256 * 1024;
/** Milliseconds after which a program is ended. */
const longestRun = 60_000;

/**
 * Runs a program that is told something on its standard input and answers on its output, at most
 * 256 KiB in a minute.
 */
export async function runProgram(command: string, args: readonly string[], input: string, env: Env): Promise<Outcome> {
  // Few have a program to ask, and all who reach a registry load this file.
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
    const end = (): void => {
      // What it has started may hold its output open for longer.
      child.stdout.destroy();
      child.kill('SIGKILL');
    };
    let late = false;
    // Not spawn's own timeout, which goes on where the program is not there.
    const timer = setTimeout(() => {
      late = true;
      end();
    }, longestRun);
    const pieces: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length <= outputLimit) pieces.push(piece);
      else end();
    });
    // It may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      const code = 'code' in error ? String(error.code) : error.message;
      resolve({ failed: code === 'ENOENT' ? 'is not there' : `did not start: ${code}` });
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (late) resolve({ failed: `has not answered within ${longestRun / 1000} s` });
      else if (length > outputLimit) resolve({ failed: `answered with more than ${outputLimit} bytes` });
      else if (signal !== null) resolve({ failed: `was ended by ${signal}` });
      else resolve({ code: code ?? 1, output: Buffer.concat(pieces).toString('utf8') });
    });
  });
}
