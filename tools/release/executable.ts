import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Bundle } from '../bundle.ts';
import type { Architecture } from './release.ts';

const root = join(import.meta.dirname, '../..');
const { inject } = createRequire(import.meta.url)('postject') as {
  inject(file: string, resource: string, content: Buffer, options: { sentinelFuse: string }): Promise<void>;
};

/** The programs of GNU binutils for each architecture. */
const strip: Readonly<Record<Architecture, string>> = {
  x64: 'x86_64-linux-gnu-strip',
  arm64: 'aarch64-linux-gnu-strip',
};

/**
 * Commands that run until they are stopped. They start once, with flags of V8 under which no
 * compiled code is used.
 */
const services = ['cli/commands/operator.ts', 'cli/commands/serve.ts', 'cli/commands/shim.ts'];

/**
 * Returns the assets of the executable by their names: the files of the bundle, and what V8
 * compiles those to that commands load. The latter is only valid for exactly this Node.js on this
 * architecture.
 *
 * @param node the Node.js that the executable contains, if this machine can run it
 */
export function executableAssets(bundle: Bundle, work: string, node: string | undefined): Record<string, string> {
  const sources = join(work, 'sources');
  mkdirSync(sources, { recursive: true });
  const names = Object.keys(bundle.files).sort();
  for (const name of names)
    writeFileSync(join(sources, name), `(function(exports,require,module){${bundle.files[name]}\n})`);
  const assets = Object.fromEntries(names.map((name) => [name, join(sources, name)]));
  if (node === undefined) return assets;
  const compiled = join(work, 'compiled');
  mkdirSync(compiled, { recursive: true });
  const loaded = loadedByCommands(bundle);
  // By default V8 begins with a random number, which is in what it compiles.
  run(node, ['--random-seed=1', join(import.meta.dirname, 'compile.js'), sources, compiled, ...loaded], work);
  return { ...assets, ...Object.fromEntries(loaded.map((name) => [`compiled/${name}`, join(compiled, name)])) };
}

/** Returns the files that some command loads which is no service, sorted. */
function loadedByCommands({ entries, imports }: Bundle): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name) || services.includes(entries[name] ?? '')) return;
    found.add(name);
    for (const imported of imports[name] ?? []) visit(imported);
  };
  visit('main.js');
  return [...found].sort();
}

/**
 * Builds the self-contained executable for one architecture, and returns its path.
 *
 * @param node the program of Node.js for the architecture
 * @param assets from `executableAssets`
 */
export async function buildExecutable(
  architecture: Architecture,
  { node, assets, work }: { node: string; assets: Readonly<Record<string, string>>; work: string },
): Promise<string> {
  const directory = join(work, architecture);
  mkdirSync(directory, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ['bin/executable.ts'],
    outfile: join(directory, 'main.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    logLevel: 'warning',
  });
  // The path of the main script is in the executable, and must not be one of this machine.
  const config = { main: 'main.cjs', output: 'assets.blob', assets, disableExperimentalSEAWarning: true };
  writeFileSync(join(directory, 'sea.json'), JSON.stringify(config));
  run(process.execPath, ['--experimental-sea-config', 'sea.json'], directory);
  const program = join(directory, 'fairlead');
  run(strip[architecture], ['--strip-unneeded', '-o', program, node], directory);
  await inject(program, 'NODE_SEA_BLOB', readFileSync(join(directory, 'assets.blob')), {
    sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
  });
  return program;
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}
