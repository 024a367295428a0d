// node --random-seed=1 --min-semi-space-size=64 compile.js FILE: writes what V8 compiles the files
// of a bundle to. FILE is JSON: `sources` and `compiled`, directories to read from and to write to,
// and the `files`. Run by the Node.js that will use the result.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { GCProfiler, setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const { sources, compiled, files } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const requireOwn = createRequire(import.meta.url);
const loaded = new Map();

// Of packages, only what runs when they are loaded is compiled: a third of undici, for example.
function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.module.exports;
  const source = readFileSync(join(sources, name), 'latin1');
  const whole = files.some((file) => file.name === name && !file.foreign);
  // The flags are in what is written, and have to be those of the executable.
  if (whole) setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename: `fairlead:${name}` });
  if (whole) setFlagsFromString('--lazy');
  const module = { exports: {} };
  loaded.set(name, { script, module });
  const require = (id) => (id.startsWith('./') ? load(id.slice('./'.length)) : requireOwn(id));
  script.runInThisContext()(module.exports, require, module);
  return module.exports;
}

const collections = new GCProfiler();
collections.start();
for (const { name } of files) load(name);
for (const { name } of files) writeFileSync(join(compiled, name), loaded.get(name).script.createCachedData());
// Objects in memory that was collected contain what was there before: another build would differ.
if (collections.stop()?.statistics.length !== 0) throw new Error('memory was collected: raise --min-semi-space-size');
// Some packages keep timers.
process.exit(0);
