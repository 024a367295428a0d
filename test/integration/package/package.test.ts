import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { installPackage, npm, ownEnvironment, root } from '#test/support/cli/package';
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

  it('pins its dependencies by hash as tested, without the address of a registry', async () => {
    const { stdout } = await run('tar', ['-xzOf', tarball, 'package/npm-shrinkwrap.json']);
    const shrinkwrap = JSON.parse(stdout);
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
    const { '': own, ...packages } = shrinkwrap.packages as Record<string, Record<string, unknown>>;
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    assert.deepEqual(own?.['dependencies'], dependencies);
    for (const name of Object.keys(dependencies)) assert.ok(Object.hasOwn(packages, `node_modules/${name}`), name);
    for (const [place, { version, integrity, dev }] of Object.entries(packages)) {
      assert.equal(version, lock.packages[place].version, place);
      assert.match(String(integrity), /^sha512-/, place);
      assert.equal(dev, undefined, place);
    }
    assert.doesNotMatch(stdout, /https?:|"resolved"|devDependencies|workspaces/);
    // In the checkout npm would prefer it to package-lock.json.
    await assert.rejects(stat(join(root, 'npm-shrinkwrap.json')), { code: 'ENOENT' });
  });

  it('is installed by deploy/install.sh with exactly these, instead of an older one', async () => {
    const prefix = join(folder, 'prefix');
    const env = { ...ownEnvironment(), npm_config_prefer_offline: 'true' };
    await mkdir(join(prefix, 'lib/fairlead'), { recursive: true });
    await writeFile(join(prefix, 'lib/fairlead/old'), '');
    const installed = await run('sh', [join(root, 'deploy/install.sh'), tarball, prefix], { env, cwd: folder });
    assert.equal(installed.code, 0, installed.stderr);
    const base = join(prefix, 'lib/fairlead');
    const shrinkwrap = JSON.parse(await readFile(join(base, 'npm-shrinkwrap.json'), 'utf8'));
    const packages: [string, { version: string }][] = Object.entries(shrinkwrap.packages);
    for (const [place, { version }] of packages) {
      const found = JSON.parse(await readFile(join(base, place, 'package.json'), 'utf8'));
      assert.equal(found.version, version, place);
    }
    const manifests = await run('find', [join(base, 'node_modules'), '-name', '.package-lock.json']);
    const tree = JSON.parse(await readFile(manifests.stdout.trim(), 'utf8'));
    assert.equal(Object.keys(tree.packages).length, packages.length - 1, 'and nothing else');
    assert.deepEqual((await readdir(join(prefix, 'lib'))).sort(), ['fairlead']);
    await assert.rejects(stat(join(base, 'old')), { code: 'ENOENT' });
    const { stdout } = await run(join(prefix, 'bin/fairlead'), ['--version'], { env });
    assert.equal(stdout.trim(), shrinkwrap.version);
  });

  it('is not installed if a dependency is not the one that was tested', async () => {
    const broken = join(folder, 'broken');
    await mkdir(broken);
    await run('tar', ['-xzf', tarball, '-C', broken]);
    const file = join(broken, 'package/npm-shrinkwrap.json');
    const shrinkwrap = JSON.parse(await readFile(file, 'utf8'));
    const wrong = `sha512-${Buffer.alloc(64).toString('base64')}`;
    shrinkwrap.packages['node_modules/yaml'].integrity = wrong;
    await writeFile(file, JSON.stringify(shrinkwrap));
    await run('tar', ['-czf', 'broken.tgz', '-C', broken, 'package'], { cwd: folder });
    const env = { ...ownEnvironment(), npm_config_prefer_offline: 'true' };
    const prefix = join(folder, 'nothing');
    const installed = await run('sh', [join(root, 'deploy/install.sh'), 'broken.tgz', prefix], { env, cwd: folder });
    assert.notEqual(installed.code, 0);
    assert.match(installed.stderr, /EINTEGRITY/);
    assert.deepEqual([await readdir(join(prefix, 'lib')), await readdir(join(prefix, 'bin'))], [[], []]);
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
