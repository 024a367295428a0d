// Compares the imports of all sources, and biome.rooms.json, with the table of rooms. `--write`
// writes biome.rooms.json from the table.
import { readFileSync, writeFileSync } from 'node:fs';
import { biomeRestrictions } from './biome-restrictions.ts';
import { projectFiles } from './project-files.ts';
import { importFaults, tableFaults } from './room-rules.ts';
import { rooms } from './rooms.ts';
import { importsOf } from './source-imports.ts';

const generated = new URL('../biome.rooms.json', import.meta.url);
const restrictions = biomeRestrictions(rooms);
if (process.argv.includes('--write')) writeFileSync(generated, restrictions);

const sources = projectFiles(['*.ts', '*.js', ':!*.test.ts']);
const faults = [...tableFaults(rooms, Object.keys(sources)), ...importFaults(rooms, importsOf(sources))];
if (readFileSync(generated, 'utf8') !== restrictions)
  faults.push('biome.rooms.json is not what tools/rooms.ts generates: run `node tools/check-rooms.ts --write`');
for (const fault of faults) console.error(fault);
if (faults.length > 0) console.error('The table of rooms, and what each may import: tools/rooms');
process.exitCode = faults.length === 0 ? 0 : 1;
