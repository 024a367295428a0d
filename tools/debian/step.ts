import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

/**
 * Runs one command of an installation step: resolves when it ends with 0, rejects naming it
 * otherwise.
 */
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<void>;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * What a step is given: a command runner that writes to the step's log, and an empty directory
 * of its own.
 */
export interface StepContext {
  readonly run: Run;
  readonly temp: string;
}

/**
 * Does one step of an installation, prints what it does and how long it took, and keeps the log of
 * a step that failed. Rejects with an error that names the step, the command that failed, the end
 * of its output, and the log's path.
 */
export async function runStep(
  what: string,
  { log, temp }: { log: string; temp: string },
  work: (context: StepContext) => Promise<void>,
): Promise<void> {
  console.log(`${what} …`);
  const start = Date.now();
  mkdirSync(path.dirname(log), { recursive: true });
  mkdirSync(temp, { recursive: true });
  rmSync(log, { force: true });
  try {
    await work({ temp, run: (command, args, options) => runLogged(log, command, args, options) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${what}: ${reason}\nThe whole log: ${log}`, { cause: error });
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
  rmSync(log, { force: true });
  console.log(`${what}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

function runLogged(log: string, command: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  const line = [command, ...args].join(' ');
  appendFileSync(log, `+ ${line}\n`);
  const output = openSync(log, 'a');
  return new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', output, output],
    });
    child.once('error', (error) => reject(new Error(`${command} does not start: ${error.message}`)));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${line} ended with ${signal ?? code}\n${lastLines(log)}`));
    });
  }).finally(() => closeSync(output));
}

function lastLines(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}
