import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { biomeRestrictions } from '../../tools/biome-restrictions.ts';
import { projectFiles } from '../../tools/project-files.ts';
import { allowedRooms, importFaults, roomOf, tableFaults, unusedPermissions } from '../../tools/room-rules.ts';
import type { Room } from '../../tools/rooms/room.ts';
import { rooms } from '../../tools/rooms.ts';
import { importsOf } from '../../tools/source-imports.ts';

const root = new URL('../../', import.meta.url);

describe('the table of rooms', () => {
  const sources = projectFiles(['*.ts', '*.js', ':!*.test.ts']);

  it('has a row for each source, and no circle', () => {
    assert.deepEqual(tableFaults(rooms, Object.keys(sources)), []);
    assert.deepEqual(
      Object.keys(sources).filter((file) => roomOf(rooms, file) === undefined),
      [],
    );
  });

  it('allows every import of every source, and nothing that no source imports', () => {
    const imports = importsOf(sources);
    assert.ok(imports.length > 2000, `${imports.length} imports`);
    assert.deepEqual(importFaults(rooms, imports), []);
    assert.deepEqual(unusedPermissions(rooms, imports), []);
  });

  it('generates biome.rooms.json', async () => {
    const generated = await readFile(new URL('biome.rooms.json', root), 'utf8');
    assert.equal(generated, biomeRestrictions(rooms), 'run `node tools/check-rooms.ts --write`');
  });
});

describe('tableFaults', () => {
  it('reports an import of a room that is not before the row', () => {
    const circle: Room[] = [
      { name: 'a', imports: ['b'] },
      { name: 'b', imports: ['a'] },
    ];
    assert.deepEqual(tableFaults(circle, ['a/x.ts', 'b/x.ts']), [
      'a may import b, which is not before it in the table',
    ]);
  });

  it('reports it if a row allows a room with all rooms in it', () => {
    const circle: Room[] = [
      { name: 'a', imports: [] },
      { name: 'b', imports: ['a/**'] },
      { name: 'a/c', imports: ['b'] },
    ];
    const files = ['a/x.ts', 'b/x.ts', 'a/c/x.ts'];
    assert.deepEqual(tableFaults(circle, files), ['b may import a/c, which is not before it in the table']);
  });

  it('reports an import of an unknown room, a room with two rows, and one without files', () => {
    const faulty: Room[] = [
      { name: 'a', imports: ['nowhere'] },
      { name: 'a', imports: [] },
      { name: 'empty', imports: [] },
    ];
    assert.deepEqual(tableFaults(faulty, ['a/x.ts']), [
      'a may import nowhere, which has no row',
      'a has two rows',
      'a has a row, and no files',
      'empty has a row, and no files',
    ]);
  });
});

describe('importFaults', () => {
  const table: Room[] = [
    { name: 'ground', imports: [] },
    { name: 'ground/errors.ts', imports: [] },
    { name: 'house', imports: ['ground/errors.ts'], packages: ['@scope/pack'], pure: true },
  ];
  const faults = (text: string, file = 'house/x.ts') => importFaults(table, importsOf({ [file]: text }));
  const refused = (what: string) => [`house/x.ts:1: house may not import ${what}`];

  for (const text of [
    "import { y } from '../ground/y.ts';",
    "import { y } from '#ground/y';",
    "import type { Y } from '../ground/y.ts';",
    "import { type Y } from '#ground/y';",
    "export { y } from '../ground/y.ts';",
    "export type * from '#ground/y';",
    "import '../ground/y.ts';",
    "const load = () => import('../ground/y.ts');",
    'const load = () => import(`#ground/y`);',
    "type Y = typeof import('../ground/y.ts');",
    "type Y = import('#ground/y').Y;",
    "import { y } from './../ground/y.ts';",
  ])
    it(`reports ${text}`, () => assert.deepEqual(faults(text), refused('ground (ground/y.ts)')));

  for (const text of [
    "import { y } from './y.ts';",
    "import { y } from '#house/y';",
    "import { y } from '../ground/errors.ts';",
    "import { y } from '@scope/pack/part.js';",
    "import { isUtf8 } from 'node:buffer';",
    "// import { y } from '../ground/y.ts';",
    'const text = "import { y } from \'../ground/y.ts\'";',
  ])
    it(`accepts ${text}`, () => assert.deepEqual(faults(text), []));

  it('reports the line', () => {
    assert.deepEqual(faults("import { y } from './y.ts';\nimport { z } from '#ground/z';\n"), [
      'house/x.ts:2: house may not import ground (ground/z.ts)',
    ]);
  });

  it('reports a package, and a module of Node in a pure room', () => {
    assert.deepEqual(faults("import v from '@scope/other';"), refused('the package @scope/other'));
    assert.deepEqual(faults("import { readFile } from 'node:fs/promises';"), [
      'house/x.ts:1: house is pure, and may not import node:fs/promises',
    ]);
    assert.deepEqual(faults("import { readFile } from 'node:fs/promises';", 'ground/x.ts'), []);
  });

  it('reports a directory without a row, on either side', () => {
    assert.deepEqual(faults("import { y } from '#house/y';", 'shed/x.ts'), ['shed/x.ts:1: shed has no row']);
    assert.deepEqual(faults("import { y } from './inner/y.ts';"), ['house/x.ts:1: house/inner has no row']);
  });
});

describe('unusedPermissions', () => {
  it('reports a room, a tree of rooms and a package that no file imports', () => {
    const table: Room[] = [
      { name: 'a', imports: [] },
      { name: 'b/c', imports: [] },
      { name: 'd', imports: ['a', 'b/**'], packages: ['yaml'] },
    ];
    assert.deepEqual(unusedPermissions(table, importsOf({ 'd/x.ts': "import { y } from '#a/y';" })), [
      'd may import b/**, and does not',
      'd may import yaml, and does not',
    ]);
    const all = "import { y } from '#a/y';\nimport { z } from '../b/c/z.ts';\nimport { parse } from 'yaml';\n";
    assert.deepEqual(unusedPermissions(table, importsOf({ 'd/x.ts': all })), []);
  });
});

/** Rooms whose rules Biome has: all but trees. */
const single = rooms.filter(({ name }) => !name.endsWith('/**'));
const fileIn = ({ name }: Room, stem: string): string => (name.endsWith('.ts') ? name : `${name}/${stem}.ts`);

/** Each pair of rooms, in both spellings, and whether the first may import the second. */
const pairs = single.flatMap((from) => {
  const allowed = new Set(allowedRooms(rooms, from));
  return single
    .filter((to) => to !== from)
    .flatMap((to) => {
      const [importing, imported] = [fileIn(from, 'importing'), fileIn(to, 'imported')];
      const path = relative(dirname(importing), imported);
      const spellings = [`#${imported.slice(0, -'.ts'.length)}`, path.startsWith('.') ? path : `./${path}`];
      return spellings.map((specifier) => ({ from, importing, specifier, isAllowed: allowed.has(to) }));
    });
});

describe('biome.rooms.json', () => {
  let directory: string;
  let refused: Set<string>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-rooms-'));
    const config = { extends: ['./biome.rooms.json'], linter: { rules: { preset: 'none' } } };
    await writeFile(join(directory, 'biome.json'), JSON.stringify(config));
    await writeFile(join(directory, 'biome.rooms.json'), biomeRestrictions(rooms));
    for (const from of single) {
      const file = join(directory, fileIn(from, 'importing'));
      const lines = pairs.filter((pair) => pair.from === from).map(({ specifier }) => `import '${specifier}';\n`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, lines.join(''));
    }
    await writeFile(join(directory, 'lib/profile/pure.ts'), "import 'node:fs';\nprocess.exit();\n");
    const biome = new URL('node_modules/.bin/biome', root).pathname;
    const args = ['lint', '--reporter=github', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(biome, args, { cwd: directory, encoding: 'utf8', maxBuffer: 2 ** 26 });
    const places = stdout.matchAll(/title=lint\/style\/noRestricted(?:Imports|Globals),file=([^,]+),line=([0-9]+),/g);
    refused = new Set(Array.from(places, ([, file = '', line]) => `${relative(directory, file)}:${line}`));
  });
  after(() => rm(directory, { recursive: true }));

  it('refuses what the table does not allow, and nothing else', () => {
    assert.ok(pairs.length > 5000);
    const wrong = single.flatMap((from) =>
      pairs
        .filter((pair) => pair.from === from)
        .filter(({ importing, isAllowed }, index) => refused.has(`${importing}:${index + 1}`) === isAllowed)
        .map(
          ({ importing, specifier, isAllowed }) =>
            `${isAllowed ? 'refused' : 'accepted'}: ${specifier} in ${importing}`,
        ),
    );
    assert.deepEqual(wrong, []);
  });

  it('refuses modules of Node and the process in a pure room', () => {
    assert.ok(refused.has('lib/profile/pure.ts:1'));
    assert.ok(refused.has('lib/profile/pure.ts:2'));
  });
});
