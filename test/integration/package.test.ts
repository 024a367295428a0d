import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Finished, run } from '#test/cli/run';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the published package', () => {
  let folder = '';
  const npm = async (args: readonly string[], cwd: string): Promise<Finished> => {
    // npm needs what its own user has: a cache, a proxy, certificates.
    const own = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const env = { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
    const finished = await run('npm', args, { cwd, env });
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
    await npm(
      ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', join(folder, filename)],
      join(folder, 'user'),
    );
  });
  after(() => rm(folder, { recursive: true }));

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

  it('gives the trust engine to who imports it: the programs of docs/trust.md run as they are printed', async () => {
    const text = await readFile(join(root, 'docs/trust.md'), 'utf8');
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

  it('has types for its libraries, and the programs of docs/registry.md keep to them', async () => {
    const user = join(folder, 'user');
    const text = await readFile(join(root, 'docs/registry.md'), 'utf8');
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
