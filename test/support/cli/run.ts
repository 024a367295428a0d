import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a run of the program left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /**
   * Put on top of a bare environment: nothing of the developer's own keys, tokens or Docker
   * configuration gets in.
   */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** What starts the program: with `npm test` a bundle (built-program.ts), else the checkout. */
export const launcher =
  process.env['FAIRLEAD_TEST_LAUNCHER'] ?? fileURLToPath(new URL('../../../bin/fairlead.js', import.meta.url));

/**
 * Runs `fairlead` as a child process and waits for its end. With `--output json`, asserts that what
 * it printed is as the reference describes it.
 */
export async function runFairlead(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const finished = await run(process.execPath, [launcher, ...args], options);
  if (args[args.indexOf('--output') + 1] === 'json') await assertDocuments(args, finished);
  return finished;
}

async function assertDocuments(args: readonly string[], { code, stdout, stderr }: Finished): Promise<void> {
  const { assertDocument, documentOf } = await import('./assert-document.ts');
  const name = documentOf(args);
  if (name !== undefined && stdout !== '') assertDocument(name, stdout);
  const error = stderr.split('\n').find((line) => line.startsWith('{'));
  // A gate that is closed is no error (cli/process/gate.ts).
  if (code !== 0 && code !== 1) assertDocument('error', error ?? stderr);
}

/** Runs a program and waits for its end. */
export function run(command: string, args: readonly string[], { cwd, env, input }: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', NO_COLOR: '1', ...env },
      stdio: 'pipe',
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
    // A program that does not read its input may be gone before all of it is written.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** Holds a run to have gone well; gives what it printed. */
export function succeeded({ code, stdout, stderr }: Finished): string {
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Holds a run to have ended with an exit code and with an error that says why. */
export function failed({ code, stderr }: Finished, expected: number, message: RegExp): void {
  assert.equal(code, expected, stderr);
  assert.match(stderr, message);
}
