import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('./http-load.ts', import.meta.url));

/** What a load measured. */
export interface LoadResult {
  /** Answers per second. */
  readonly rate: number;
  readonly count: number;
  /** Milliseconds from a request to the end of its answer. */
  readonly p50: number;
  readonly p99: number;
  /** Number of answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Requests URLs of one server in turn, over keep-alive connections, in a process of its own. */
export async function runLoad(
  urls: readonly string[],
  { connections, milliseconds }: { readonly connections: number; readonly milliseconds: number },
): Promise<LoadResult> {
  const args = [program, String(connections), String(milliseconds), ...urls];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}
