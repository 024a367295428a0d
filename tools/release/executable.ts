import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Bundle, BundledFile } from '../bundle.ts';
import { runCommand } from './command.ts';
import type { Architecture } from './release.ts';

const root = join(import.meta.dirname, '../..');
const postject = join(root, 'node_modules/postject/dist/cli.js');

/** The programs of GNU binutils for each architecture. */
const strip: Readonly<Record<Architecture, string>> = {
  x64: 'x86_64-linux-gnu-strip',
  arm64: 'aarch64-linux-gnu-strip',
};

/**
 * Commands that are compiled: those that CI jobs, scripts and probes run again and again. The
 * others are run by a person or once for a cluster or machine, or run until they are stopped; most
 * of the latter set a flag of V8 with which no compiled code is used. What V8 compiles is four
 * times as large as its source.
 */
const compiledCommands = ['diff', 'healthcheck', 'lint', 'pull', 'push', 'sign', 'verify', 'version'].map(
  (name) => `cli/commands/${name}.ts`,
);

/**
 * Returns the assets of the executable by their names: the files of the bundle, and what V8
 * compiles those to that commands load. The latter is only valid for exactly this Node.js on this
 * architecture.
 *
 * @param node the Node.js that the executable contains, if this machine can run it
 */
export async function executableAssets(
  bundle: Bundle,
  work: string,
  node: string | undefined,
): Promise<Record<string, string>> {
  const [sources, compiled] = [join(work, 'sources'), join(work, 'compiled')];
  mkdirSync(sources, { recursive: true });
  mkdirSync(compiled, { recursive: true });
  const names = Object.keys(bundle.files).sort();
  for (const name of names)
    writeFileSync(join(sources, name), `(function(exports,require,module){${bundle.files[name]?.text}\n})`);
  const assets = Object.fromEntries(names.map((name) => [name, join(sources, name)]));
  if (node === undefined) return assets;
  const loaded = loadedByCommands(bundle);
  const files = loaded.map((name) => ({ name, foreign: bundle.files[name]?.foreign }));
  writeFileSync(join(work, 'compile.json'), JSON.stringify({ sources, compiled, files }));
  // By default V8 begins with a random number, which is in what it compiles. So is the padding of
  // objects: zeros in fresh memory, and what was there before in memory that was collected. With
  // this much memory for new objects, nothing is collected.
  const flags = ['--random-seed=1', '--min-semi-space-size=64'];
  const script = join(import.meta.dirname, 'compile.js');
  await runCommand(node, [...flags, script, 'compile.json'], { cwd: work });
  return { ...assets, ...Object.fromEntries(loaded.map((name) => [`compiled/${name}`, join(compiled, name)])) };
}

/** Returns the files that some command loads which is compiled, sorted. */
function loadedByCommands({ files }: Bundle): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const file = files[name];
    if (file === undefined || found.has(name) || isUncompiledCommand(file)) return;
    found.add(name);
    file.imports.forEach(visit);
  };
  visit('main.js');
  return [...found].sort();
}

function isUncompiledCommand({ entry }: BundledFile): boolean {
  return entry?.startsWith('cli/commands/') === true && !compiledCommands.includes(entry);
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
  const config = {
    main: 'main.cjs',
    output: 'assets.blob',
    assets,
    disableExperimentalSEAWarning: true,
    // NODE_OPTIONS is for the programs that users know to be Node.js, and an argument may come from
    // a user who must not run code: Node.js would take --node-options= and --env-file= even after
    // the command, and --node-options= even after `--`.
    //
    // In a container of 512 MiB, V8 limits each half of the young generation to 1 MiB by default.
    // The operator, which has 100 requests open at a time, would copy what they hold again and
    // again. Services that call stayLean keep the first size.
    execArgv: ['--max-semi-space-size=16', '--'],
    execArgvExtension: 'none',
  };
  writeFileSync(join(directory, 'sea.json'), JSON.stringify(config));
  await runCommand(process.execPath, ['--experimental-sea-config', 'sea.json'], { cwd: directory });
  const program = join(directory, 'fairlead');
  await runCommand(strip[architecture], ['--strip-unneeded', '-o', program, node]);
  const [resource, fuse] = ['NODE_SEA_BLOB', 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'];
  const blob = join(directory, 'assets.blob');
  await runCommand(process.execPath, [postject, program, resource, blob, '--sentinel-fuse', fuse]);
  return program;
}
