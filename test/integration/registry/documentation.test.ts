import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { run } from '#test/support/cli/run';

const page = new URL('../../../docs/reference/library/registry.md', import.meta.url);
const library = new URL('../../../lib/registry/index.ts', import.meta.url);

/** What each program of the page prints, in the order of the page. */
const printed = [/^true\nHello, registry\n$/, /^5000000\n$/, /^true\n$/, /^v1\n$/, /^NotFound\n$/];

describePeers(['docker-registry'], 'docs/reference/library/registry.md', () => {
  let registry: Registry;
  let folder: string;
  let programs: string[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-documentation-'));
    registry = await startRegistry();
    const text = await readFile(page, 'utf8');
    programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, program]) => program ?? '');
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  it('has programs that run as they are printed', async () => {
    assert.equal(programs.length, printed.length);
    for (const [at, program] of programs.entries()) {
      const file = join(folder, `program-${at}.ts`);
      // The package's own name means what was built; here it is the source.
      const here = program.replace("'fairlead/registry'", `'${library}'`).replaceAll('localhost:5000', registry.host);
      assert.notEqual(here, program);
      await writeFile(file, here);
      const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: folder });
      assert.equal(code, 0, `${program}\n${stderr}`);
      assert.match(stdout, printed[at] as RegExp);
    }
  });

  it('names only what the library exports', async () => {
    const exported = Object.keys(await import(library.href));
    const imported = programs.flatMap((program) =>
      [...program.matchAll(/import \{([^}]*)\} from 'fairlead\/registry'/g)].flatMap(([, names]) =>
        (names ?? '').split(',').map((name) => name.trim()),
      ),
    );
    assert.deepEqual(
      imported.filter((name) => !exported.includes(name)),
      [],
    );
  });
});
