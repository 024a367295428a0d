// node --random-seed=1 compile.js SOURCES COMPILED: writes what V8 compiles each file of the
// directory SOURCES to, all functions included, into a file of the same name in COMPILED. Run by
// the Node.js that will use it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [, , sources = '', compiled = ''] = process.argv;
for (const name of readdirSync(sources).sort()) {
  const source = readFileSync(join(sources, name), 'latin1');
  setFlagsFromString('--no-lazy');
  const script = new Script(source, { filename: `fairlead:${name}` });
  // The flags are in what is written, and have to be those of the executable.
  setFlagsFromString('--lazy');
  writeFileSync(join(compiled, name), script.createCachedData());
}
