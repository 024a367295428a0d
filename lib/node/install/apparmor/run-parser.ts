import { spawn } from 'node:child_process';

/** How apparmor_parser ended, and the beginning of what it printed. */
export interface ParserOutcome {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What one run of apparmor_parser may use. */
export interface ParserLimits {
  /** Address space, in KiB. */
  readonly memory: number;
  /** Time of the processor, in seconds. */
  readonly processor: number;
}

/** Bytes of its output that are kept. What it prints besides is read and dropped. */
const mostOutput = 16 * 1024;

/**
 * Sets the limits of the process, and becomes the program. `ulimit` is part of every shell, unlike
 * the program prlimit.
 */
const limited = 'ulimit -c 0 && ulimit -v "$1" && ulimit -t "$2" && shift 2 && exec "$@"';

/**
 * Runs apparmor_parser on a text. When the signal aborts, kills it with all processes that it
 * started, and rejects with the reason. Rejects as spawn does if it cannot be started.
 *
 * @param command the program and its arguments
 */
export function runParser(
  command: readonly string[],
  text: string,
  { memory, processor }: ParserLimits,
  signal: AbortSignal,
): Promise<ParserOutcome> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const args = ['-c', limited, 'sh', String(memory), String(processor), ...command];
    // In a process group of its own. Messages are not translated, and nothing of the environment
    // changes what is compiled.
    const child = spawn('/bin/sh', args, { detached: true, env: { LC_ALL: 'C' }, cwd: '/', stdio: 'pipe' });
    const stdout = beginningOf(child.stdout);
    const stderr = beginningOf(child.stderr);
    const kill = (): void => {
      killGroup(child.pid);
      // A process that left the group may hold them open.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    signal.addEventListener('abort', kill, { once: true });
    // It may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
    child.once('error', (error) => {
      signal.removeEventListener('abort', kill);
      reject(error);
    });
    child.once('close', (code, endedBy) => {
      signal.removeEventListener('abort', kill);
      if (signal.aborted) reject(signal.reason);
      else resolve({ code, signal: endedBy, stdout: stdout(), stderr: stderr() });
    });
  });
}

function beginningOf(stream: NodeJS.ReadableStream): () => string {
  const pieces: Buffer[] = [];
  let length = 0;
  stream.on('data', (piece: Buffer) => {
    if (length < mostOutput) pieces.push(piece.subarray(0, mostOutput - length));
    length += piece.length;
  });
  return () => Buffer.concat(pieces).toString('utf8');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // All of its processes have ended.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return;
    throw error;
  }
}
