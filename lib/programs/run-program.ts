import type { Writable } from 'node:stream';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** How a program ended: its output, or why it has none. `failed` contains nothing of the output. */
export type Outcome = { readonly code: number; readonly output: string } | { readonly failed: string };

/** What `failed` is if there is no such program. */
export const notFound = 'does not exist';

/** What a program reads from stdin: a text, or bytes that arrive in pieces. */
export type ProgramInput = string | AsyncIterable<Uint8Array>;

const outputLimit = 256 * 1024;
/** Milliseconds after which a program is killed that reads no more input. */
export const longestRun = 60_000;

/**
 * Runs a program with some input, and returns its output: at most 256 KiB, in a minute after it has
 * read the input. Rejects as the pieces of the input do.
 *
 * @param messages whether the user sees what it prints on stderr: a plugin may ask for a touch of a
 * device.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  input: ProgramInput,
  env: Env,
  messages: 'ignore' | 'inherit' = 'ignore',
): Promise<Outcome> {
  // Loaded only if there is a program to run: every client of a registry loads this file.
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...env }, stdio: ['pipe', 'pipe', messages] });
    const reading = new AbortController();
    const end = (): void => {
      reading.abort();
      // Its children may keep its output open.
      child.stdout.destroy();
      child.kill('SIGKILL');
    };
    let late = false;
    // Not spawn's own timeout, which continues if the program does not exist.
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        late = true;
        end();
      }, longestRun);
    };
    wait();
    const pieces: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length <= outputLimit) pieces.push(piece);
      else end();
    });
    // It may end without reading its input.
    child.stdin.on('error', () => undefined);
    const written = typeof input === 'string' ? undefined : writePieces(child.stdin, input, wait, reading.signal);
    if (written === undefined) child.stdin.end(input);
    written?.catch((error: unknown) => {
      end();
      reject(error);
    });
    child.once('error', (error) => {
      reading.abort();
      clearTimeout(timer);
      const code = 'code' in error ? String(error.code) : error.message;
      resolve({ failed: code === 'ENOENT' ? notFound : `did not start: ${code}` });
    });
    child.once('close', async (code, signal) => {
      clearTimeout(timer);
      if (late) resolve({ failed: `did not end within ${longestRun / 1000} s` });
      else if (length > outputLimit) resolve({ failed: `printed more than ${outputLimit} bytes` });
      else if (signal !== null) resolve({ failed: `was ended by ${signal}` });
      else {
        // Also if the program has ended before: the caller counts on it that all pieces were read.
        await written?.catch(() => undefined);
        resolve({ code: code ?? 1, output: Buffer.concat(pieces).toString('utf8') });
      }
    });
  });
}

/**
 * Writes pieces as fast as they are read, and calls `wait` for each. If the program has ended, the
 * others are read all the same. Rejects as they do.
 */
async function writePieces(
  stdin: Writable,
  pieces: AsyncIterable<Uint8Array>,
  wait: () => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const piece of pieces) {
    if (signal.aborted) return;
    if (stdin.destroyed) continue;
    wait();
    if (stdin.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        stdin.off('drain', go).off('close', go);
        resolve();
      };
      stdin.on('drain', go).on('close', go);
    });
  }
  stdin.end();
}
