// node --random-seed=1 compile.js SOURCES COMPILED NAME…: writes what V8 compiles each of the files
// of the directory SOURCES to, all functions included, into a file of the same name in COMPILED.
// Run by the Node.js that will use it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [, , sources = '', compiled = '', ...names] = process.argv;
for (const name of names) {
  const source = readFileSync(join(sources, name), 'latin1');
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename: `fairlead:${name}` });
  // The flags are in what is written, and have to be those of the executable.
  setFlagsFromString('--lazy');
  writeFileSync(join(compiled, name), script.createCachedData());
}
