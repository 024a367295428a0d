import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finished, run } from '#test/support/cli/run';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * What npm needs that its own user has: a cache, a proxy, certificates; with the Node that runs the
 * tests.
 */
function ownEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
}

describe('the published package', () => {
  let folder = '';
  let tarball = '';
  const npm = async (args: readonly string[], cwd: string): Promise<Finished> => {
    const finished = await run('npm', args, { cwd, env: ownEnvironment() });
    assert.equal(finished.code, 0, `npm ${args.join(' ')}: ${finished.stderr}`);
    return finished;
  };

  const version = (home: string, env: Readonly<Record<string, string>> = {}, cwd = folder): Promise<Finished> =>
    run(process.execPath, [join(folder, 'user/node_modules/fairlead/bin/fairlead.js'), '--version'], {
      env: { HOME: home, ...env },
      cwd,
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-package-'));
    await mkdir(join(folder, 'user'));
    await writeFile(join(folder, 'user/package.json'), '{"private": true}');
    const packed = await npm(['pack', '--json', '--pack-destination', folder], root);
    // What the build prints comes before the JSON.
    const [{ filename }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[\n')));
    tarball = join(folder, filename);
    await npm(
      ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball],
      join(folder, 'user'),
    );
  });
  after(() => rm(folder, { recursive: true }));

  it('carries what its dependencies were when it was tested, by hash, and no address of a registry', async () => {
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

  it('is installed by deploy/install.sh with exactly these, in place of what was there', async () => {
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

  it('is not installed at all where a dependency is not the one that was tested', async () => {
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

  it('keeps what it compiled for the next start, in the cache of its user', async () => {
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o755 });
    assert.equal((await version(home)).code, 0);
    assert.deepEqual(await readdir(join(home, '.cache/fairlead')), ['compiled']);
    for (const own of ['.cache', '.cache/fairlead', '.cache/fairlead/compiled']) {
      assert.equal((await stat(join(home, own))).mode & 0o077, 0, `${own}, whatever the umask`);
    }
  });

  it('takes no compiled code from where others can write, and starts all the same', async () => {
    const home = join(folder, 'shared');
    await mkdir(home);
    await chmod(home, 0o777); // whatever the umask
    assert.equal((await version(home)).code, 0);
    assert.deepEqual(await readdir(home), []);
    assert.equal((await version('/nonexistent')).code, 0);
  });

  it('takes none from a folder of its own where others can write, nor from one that the working folder brings along', async () => {
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

  it('gives the trust engine to who imports it: the programs of docs/reference/library/trust.md run as they are printed', async () => {
    const text = await readFile(join(root, 'docs/reference/library/trust.md'), 'utf8');
    const programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, program = '']) => program);
    const printed = ['release.pub', 'SignatureInvalid\n2'];
    assert.equal(programs.length, printed.length);
    for (const [at, program] of programs.entries()) {
      const file = join(folder, 'user', `program-${at}.mts`);
      await writeFile(file, program);
      const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: join(folder, 'user') });
      assert.equal(code, 0, `${program}\n${stderr}`);
      assert.equal(stdout.trim(), printed[at]);
    }
  });

  it('gives the registry client to who imports it', async () => {
    const file = join(folder, 'user', 'registry.mts');
    const program = `
      import { copy, digestOf, layoutRepository, mediaTypes, memoryRepository } from 'fairlead/registry';
      const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
      const index = { mediaType: mediaTypes.index, digest: digestOf(bytes), size: bytes.length };
      const source = memoryRepository();
      await source.push(index, bytes);
      await source.tag(index, 'v1');
      const { digest } = await copy(source, layoutRepository('copied', 'a'), 'v1', { withReferrers: true });
      console.log(digest === index.digest);
    `;
    await writeFile(file, program);
    const { code, stdout, stderr } = await run(process.execPath, [file], { cwd: join(folder, 'user') });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'true\n');
  });

  it('has types for its libraries, and the programs of docs/reference/library/registry.md keep to them', async () => {
    const user = join(folder, 'user');
    const text = await readFile(join(root, 'docs/reference/library/registry.md'), 'utf8');
    const programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, program = '']) => program);
    assert(programs.length > 0);
    for (const [at, program] of programs.entries()) await writeFile(join(user, `program-registry-${at}.mts`), program);
    const options = {
      module: 'nodenext',
      target: 'es2024',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    };
    const compilerOptions = { ...options, typeRoots: [join(root, 'node_modules/@types')] };
    await writeFile(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
    const { code, stdout } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', user]);
    assert.equal(code, 0, stdout);
  });

  it('holds no sources and no tests', async () => {
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
