import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunOptions, runFairlead, succeeded } from './run.ts';

/** Returns a profile that permits one call. */
export function oneCallProfile(call: string): string {
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [call], action: 'SCMP_ACT_ALLOW' }] });
}

/** Runs a command that succeeds, and returns its JSON document. */
export async function fairleadJson(args: readonly string[], options: RunOptions) {
  return JSON.parse(succeeded(await runFairlead([...args, '--output', 'json'], options)));
}

/** Publishes a profile that permits one call, and returns its digest. */
export async function pushOneCall(
  cwd: string,
  reference: string,
  call: string,
  ...args: readonly string[]
): Promise<string> {
  await writeFile(join(cwd, `${call}.json`), oneCallProfile(call));
  return (await fairleadJson(['push', `${call}.json`, reference, ...args], { cwd })).digest;
}
