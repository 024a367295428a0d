/**
 * `npm run build`: makes dist/, the JavaScript that is published. Node does not strip types inside node_modules, so the
 * package cannot hold the sources alone.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const layers = ['lib', 'services', 'cri-shim', 'operator', 'cli'];

rmSync(dist, { recursive: true, force: true });
const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'];
const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

// Generated code and data are no input of the compiler: they go along as they are.
const others = globSync(
  layers.map((layer) => `${layer}/**/*.{js,d.ts,json,yaml,proto}`),
  { cwd: root },
);
for (const file of others) cpSync(join(root, file), join(dist, file));

// The nearest package.json decides what `#lib/…` means: in dist, the built files.
const { name, version, license, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const imports = Object.fromEntries(layers.map((layer) => [`#${layer}/*`, `./${layer}/*.js`]));
writeFileSync(
  join(dist, 'package.json'),
  `${JSON.stringify({ name, version, license, type, private: true, imports }, undefined, 2)}\n`,
);
