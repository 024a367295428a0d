import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { type Finished, type RunOptions, runFairlead, succeeded } from './run.ts';

/**
 * A folder with a profile, p.json, and two key pairs, a and b; there while the tests of the file
 * run.
 */
export const folder = await mkdtemp(join(tmpdir(), 'fairlead-signing-'));
before(async () => {
  await writeFile(
    join(folder, 'p.json'),
    '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}',
  );
  for (const prefix of ['a', 'b']) succeeded(await fairlead(['keygen', '--prefix', prefix]));
});
after(() => rm(folder, { recursive: true }));

/** Runs `fairlead` in that folder. */
export function fairlead(args: readonly string[], options: Omit<RunOptions, 'cwd'> = {}): Promise<Finished> {
  return runFairlead(args, { cwd: folder, ...options });
}

/** Writes a trust policy there; gives its name. */
export async function policy(name: string, rules: string): Promise<string> {
  await writeFile(join(folder, name), `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n${rules}`);
  return name;
}
