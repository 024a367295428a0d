/**
 * `npm run build`: makes dist/, the JavaScript that is published. Node does not strip types inside
 * node_modules, so the package cannot hold the sources alone. dist/lib is the library, file by
 * file, with its types. dist/cli is the program, which is started for each call. Its two hundred
 * files are bundled into few, since Node takes longer to find and open a file than to run it.
 * Dependencies are in neither: npm installs them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

await build({
  absWorkingDir: root,
  entryPoints: ['cli/main.ts'],
  outdir: 'dist/cli',
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Each command loads what it needs, as the sources do.
  splitting: true,
  logLevel: 'warning',
});

// The nearest package.json decides what `#lib/…` means: in dist, the built files.
const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const imports = { '#lib/*': './lib/*.js' };
writeFileSync(
  join(dist, 'package.json'),
  `${JSON.stringify({ name, version, license, type, private: true, imports }, undefined, 2)}\n`,
);
