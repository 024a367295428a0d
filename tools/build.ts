/**
 * `npm run build`: makes dist/, the JavaScript that is published. dist/cli is the program, and
 * dist/lib the library with its types. Both contain the packages that they need, so that an
 * installation has few packages and no engine warnings of theirs, and a start reads few files.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { type Bundle, bundleLibrary, bundleProgram } from './bundle.ts';
import { headCommit } from './head-commit.ts';
import { licenses } from './licenses.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// Sources that were published as an archive have no commit.
const commit = existsSync(join(root, '.git')) ? { commit: headCommit(root).commit } : {};
const program = await bundleProgram({ distribution: 'npm', ...commit });
const library = await bundleLibrary();
write('cli', program);
write('lib', library);
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES'), licenses([...program.packages, ...library.packages]));

// The nearest package.json decides what `#lib/…` means in the types, and how a file is loaded.
const { name, version, license } = manifest;
const imports = { '#lib/*': './lib/*.js' };
writeJson('package.json', { name, version, license, type: 'module', private: true, imports });
writeJson('cli/package.json', { type: 'commonjs' });

function write(directory: string, { files }: Bundle): void {
  for (const [path, { text }] of Object.entries(files)) {
    const file = join(dist, directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function writeJson(path: string, value: object): void {
  writeFileSync(join(dist, path), `${JSON.stringify(value, undefined, 2)}\n`);
}
