/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** How a program ended: its output, or why it has none. `failed` contains nothing of the output. */
export type Outcome = { readonly code: number; readonly output: string } | { readonly failed: string };

/** What `failed` is if there is no such program. */
export const notFound = 'does not exist';

const outputLimit = 256 * 1024;
/** Milliseconds after which a program is killed. */
const longestRun = 60_000;

/** Runs a program with some input, and returns its output: at most 256 KiB in a minute. */
export async function runProgram(command: string, args: readonly string[], input: string, env: Env): Promise<Outcome> {
  // Loaded only if there is a program to run: every client of a registry loads this file.
  const { spawn } = await import('node:child_process');
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
    const end = (): void => {
      // Its children may keep its output open.
      child.stdout.destroy();
      child.kill('SIGKILL');
    };
    let late = false;
    // Not spawn's own timeout, which continues if the program does not exist.
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
      resolve({ failed: code === 'ENOENT' ? notFound : `did not start: ${code}` });
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (late) resolve({ failed: `did not end within ${longestRun / 1000} s` });
      else if (length > outputLimit) resolve({ failed: `printed more than ${outputLimit} bytes` });
      else if (signal !== null) resolve({ failed: `was ended by ${signal}` });
      else resolve({ code: code ?? 1, output: Buffer.concat(pieces).toString('utf8') });
    });
  });
}
