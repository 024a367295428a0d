import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { bundleProgram } from '../../../tools/bundle.ts';

/**
 * Copies the program of this checkout into the folder that a virtual machine has as /job, where the
 * Node.js of the host runs it. Returns the command.
 */
export async function installInGuest(job: string): Promise<string> {
  const { files } = await bundleProgram({ distribution: 'npm' });
  const directory = path.join(job, 'fairlead');
  mkdirSync(directory);
  for (const [name, { text }] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  const start = `require('/job/fairlead/main.js').main(process.argv.slice(1), 'fairlead')`;
  return `${process.execPath} -e "${start}" --`;
}

/** Bundles a source of the tests into a file of that folder. Returns the command. */
export async function installSourceInGuest(job: string, source: string): Promise<string> {
  const name = `${path.basename(source, '.ts')}.mjs`;
  const options = {
    bundle: true,
    platform: 'node',
    format: 'esm',
    // packages in the older format call it
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    absWorkingDir: path.join(import.meta.dirname, '../../..'),
  } as const;
  await build({ ...options, entryPoints: [source], outfile: path.join(job, name) });
  return `${process.execPath} /job/${name}`;
}
