import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { installPackage, npm, root } from '#test/support/cli/package';
import { type Finished, run } from '#test/support/cli/run';

/** A program of a page, and what the page says that it prints. */
interface Example {
  readonly program: string;
  readonly printed: string;
}

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, object> };
const entries = Object.keys(exports)
  .filter((path) => path !== './package.json')
  .map((path) => path.slice('./'.length));

async function examplesOf(entry: string): Promise<readonly Example[]> {
  const text = await readFile(join(root, `docs/reference/library/${entry}.md`), 'utf8');
  const examples = text.matchAll(/```ts\n(.*?)```\n\nIt prints:\n\n```text\n(.*?)```/gs);
  const found = Array.from(examples, ([, program = '', printed = '']) => ({ program, printed }));
  assert.equal(found.length, text.split('```ts').length - 1, `${entry}: what does each program print?`);
  return found;
}

// One suite: two that pack at the same time would build over each other.
describe('the published package', () => {
  let folder = '';
  let tarball = '';
  let project = '';

  const version = (home: string, env: Readonly<Record<string, string>> = {}, cwd = folder): Promise<Finished> =>
    run(process.execPath, [join(folder, 'user/node_modules/fairlead/bin/fairlead.js'), '--version'], {
      env: { HOME: home, ...env },
      cwd,
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-package-'));
    ({ tarball, project } = await installPackage(folder));
  });
  after(() => rm(folder, { recursive: true }));

  it('needs no package but those that its types are made of', async () => {
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const installed = await run('find', [
      join(folder, 'user/node_modules'),
      '-name',
      'package.json',
      '-path',
      '*node_modules/*',
    ]);
    const names = installed.stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/gm);
    const needed = [...Object.keys(dependencies), '@sigstore/protobuf-specs', 'fairlead'];
    assert.deepEqual([...new Set(Array.from(names, ([, name]) => name))].sort(), needed.sort());
  });

  it('contains the licenses of the packages that are in it', async () => {
    const { stdout } = await run('tar', ['-xzOf', tarball, 'package/dist/THIRD-PARTY-LICENSES']);
    for (const name of ['undici', 'fastify', '@kubernetes/client-node', '@sigstore/verify'])
      assert.match(stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: `, 'm'));
    assert.match(stdout, /Copyright \(c\) Matteo Collina and Undici contributors/);
  });

  it('runs fairlead --version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    assert.equal((await npm(['exec', 'fairlead', '--', '--version'], join(folder, 'user'))).stdout.trim(), version);
  });

  it('runs the quickstart', async () => {
    const { stdout } = await npm(['exec', 'fairlead', '--', 'quickstart'], join(folder, 'user'));
    assert.match(stdout, /sha256:[0-9a-f]{64}/);
  });

  it('caches compiled code in the cache of its user', async () => {
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o755 });
    assert.equal((await version(home)).code, 0);
    assert.deepEqual(await readdir(join(home, '.cache/fairlead')), ['compiled']);
    for (const own of ['.cache', '.cache/fairlead', '.cache/fairlead/compiled']) {
      assert.equal((await stat(join(home, own))).mode & 0o077, 0, `${own}, whatever the umask`);
    }
  });

  it('uses no compiled code from where others can write, and still starts', async () => {
    const home = join(folder, 'shared');
    await mkdir(home);
    await chmod(home, 0o777); // whatever the umask
    assert.equal((await version(home)).code, 0);
    assert.deepEqual(await readdir(home), []);
    assert.equal((await version('/nonexistent')).code, 0);
  });

  it('uses no cache directory that others can write, and none in the working directory', async () => {
    const home = join(folder, 'loose');
    const compiled = join(home, '.cache/fairlead/compiled');
    await mkdir(compiled, { recursive: true, mode: 0o700 });
    for (const loose of [dirname(compiled), compiled]) {
      await chmod(loose, 0o775);
      assert.equal((await version(home)).code, 0);
      assert.deepEqual(await readdir(compiled), []);
      await chmod(loose, 0o700);
    }
    const checkout = join(folder, 'checkout');
    await mkdir(checkout, { mode: 0o700 });
    assert.equal((await version('/nonexistent', { XDG_CACHE_HOME: '.cache' }, checkout)).code, 0);
    assert.deepEqual(await readdir(checkout), []);
    await mkdir(join(checkout, '.git'));
    assert.equal((await version('/nonexistent', { XDG_CACHE_HOME: join(checkout, '.cache') }, checkout)).code, 0);
    assert.deepEqual(await readdir(checkout), ['.git']);
  });

  describePeers(['docker-registry'], 'as a library', () => {
    let registry: Registry;
    before(async () => {
      registry = await startRegistry();
    });
    after(() => registry.stop());

    for (const entry of entries)
      it(`runs the programs of docs/reference/library/${entry}.md, which print what the page states`, async () => {
        const examples = await examplesOf(entry);
        assert.ok(examples.length > 0);
        for (const [index, { program, printed }] of examples.entries()) {
          assert.match(program, new RegExp(`from 'fairlead/${entry}'`));
          const file = join(project, `${entry}-${index}.mts`);
          await writeFile(file, program.replaceAll('localhost:5000', registry.host));
          const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: project });
          assert.equal(code, 0, `${program}\n${stderr}`);
          assert.equal(stdout.trim(), printed.trim());
        }
      });

    it('has types that the programs compile with, its own declarations checked', async () => {
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2024',
        strict: true,
        skipLibCheck: false,
        noEmit: true,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
      for (const entry of entries) {
        for (const [index, { program }] of (await examplesOf(entry)).entries())
          await writeFile(join(project, `${entry}-${index}.mts`), program);
      }
      const compiler = join(root, 'node_modules/typescript/bin/tsc');
      const { code, stdout } = await run(process.execPath, [compiler, '-p', project]);
      assert.equal(code, 0, stdout);
    });

    it('refuses to import what is not an entry', async () => {
      const program = "import('fairlead/lib/errors.js').catch(({ code }) => console.log(code));\n";
      const file = join(project, 'inner.mjs');
      for (const inner of ['fairlead/dist/lib/errors.js', 'fairlead/lib/errors', 'fairlead']) {
        await writeFile(file, program.replace('fairlead/lib/errors.js', inner));
        const { stdout } = await run(process.execPath, [file], { cwd: project });
        assert.equal(stdout, 'ERR_PACKAGE_PATH_NOT_EXPORTED\n', inner);
      }
    });
  });

  it('contains no sources and no tests', async () => {
    const files = await run('find', [
      join(folder, 'user/node_modules/fairlead'),
      '-name',
      '*.ts',
      '-not',
      '-name',
      '*.d.ts',
    ]);
    assert.equal(files.stdout, '');
    const tests = await run('find', [join(folder, 'user/node_modules/fairlead'), '-name', '*.test.*']);
    assert.equal(tests.stdout, '');
  });
});
