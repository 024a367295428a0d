import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finished, run } from './run.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * What npm needs from the environment of its user: a cache, a proxy, certificates; with the Node
 * that runs the tests.
 */
export function ownEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
}

/** Runs npm, which must succeed. */
export async function npm(args: readonly string[], cwd: string): Promise<Finished> {
  const finished = await run('npm', args, { cwd, env: ownEnvironment() });
  assert.equal(finished.code, 0, `npm ${args.join(' ')}: ${finished.stderr}`);
  return finished;
}

/** The package as `npm pack` makes it, and an empty project in which it is installed. */
export interface InstalledPackage {
  readonly tarball: string;
  readonly project: string;
}

/** Builds this checkout, packs it into `directory`, and returns the path of the package. */
export async function packPackage(directory: string): Promise<string> {
  const packed = await npm(['pack', '--json', '--pack-destination', directory], root);
  // The output of the build precedes the JSON.
  const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')));
  return join(directory, filename);
}

/** Packs this checkout and installs the package in `directory`, as its users do. */
export async function installPackage(directory: string): Promise<InstalledPackage> {
  const project = join(directory, 'user');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{"private": true}');
  const tarball = await packPackage(directory);
  await npm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball], project);
  return { tarball, project };
}
