import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { launcher, run, runFairlead } from '#test/support/cli/run';
import { buildProgram } from './main.ts';

const commands = [
  'push',
  'pull',
  'verify',
  'inspect',
  'lint',
  'diff',
  'merge',
  'explain',
  'convert',
  'baseline',
  'copy',
  'save',
  'load',
  'tag',
  'ls',
  'referrers',
  'find',
  'login',
  'logout',
  'keygen',
  'quickstart',
  'serve',
  'shim',
  'lsm',
  'operator',
  'sign-blob',
  'verify-blob',
  'version',
];

describe('fairlead', () => {
  it('has the exit codes of each command that reads or writes, of registries too', async () => {
    const program = await buildProgram(['completion']);
    const all = program.commands.flatMap((command) => [command, ...command.commands]);
    const without = [
      'baseline',
      'catalog',
      'cluster',
      'completion',
      'healthcheck',
      'logout',
      'manifests',
      'node',
      'policy',
      'quickstart',
      'version',
    ];
    const services = ['lsm', 'operator', 'serve', 'shim'];
    for (const command of all.filter((each) => ![...without, ...services].includes(each.name()))) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      const [, listed = ''] = /^Exit codes: (.*)$/m.exec(help) ?? [];
      const codes = [...listed.matchAll(/(?:^|, )(\d+) (?=[a-z])/g)].map(([, code]) => Number(code));
      const asks = command.options.some(({ long }) => long === '--oci-layout' || long === '--to-oci-layout');
      const gate = command.options.some(({ long }) => long === '--fail-on') ? [1] : [];
      for (const code of [0, ...gate, 2, ...(asks ? [6, 7, 8, 9, 10] : [])]) {
        assert(codes.includes(code), `${command.name()}: ${code} in ${listed}`);
      }
      assert.deepEqual(
        codes,
        codes.toSorted((one, other) => one - other),
        command.name(),
      );
    }
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    assert.deepEqual(await runFairlead(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('describes its build', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    const { stdout } = await runFairlead(['version']);
    assert.match(stdout, new RegExp(`^fairlead {3}${version}\nbuild {6}checkout of the sources\n`));
    const description = JSON.parse((await runFairlead(['version', '--output', 'json'])).stdout);
    assert.equal(description.version, version);
    assert.equal(description.node, process.version);
    assert.equal(description.platform, `${process.platform}/${process.arch}`);
  });

  it('lists every command in its help', async () => {
    const { code, stdout } = await runFairlead(['--help']);
    assert.equal(code, 0);
    for (const command of commands) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  });

  for (const command of commands) {
    it(`has help with examples for ${command}`, async () => {
      const { code, stdout, stderr } = await runFairlead([command, '--help']);
      assert.equal(stderr, '');
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`\nExamples:\n(?:.*\n)*.*fairlead ${command}`));
    });
  }

  it('leaves the lines of descriptions to the width of the terminal', async () => {
    for (const name of [...commands, 'sign', 'attest', 'policy']) {
      const command = (await buildProgram([name])).commands.find((each) => each.name() === name);
      assert.ok(command);
      for (const each of [command, ...command.commands]) assert.match(each.description(), /^.+$/);
    }
  });

  it('refuses unknown commands and options with exit code 2', async () => {
    const command = await runFairlead(['psuh']);
    assert.equal(command.code, 2);
    assert.match(command.stderr, /^error: unknown command 'psuh'/);
    assert.match(command.stderr, /\nhint: Did you mean fairlead push\?/);
    const option = await runFairlead(['keygen', '--nope']);
    assert.equal(option.code, 2);
    assert.match(option.stderr, /^error: unknown option '--nope'\n.*hint: /s);
    assert.equal(option.stdout, '');
  });

  it('has no help for an unknown command', async () => {
    const { code, stderr } = await runFairlead(['help', 'psuh']);
    assert.equal(code, 2);
    assert.match(stderr, /^error: unknown command 'psuh'\nhint: Did you mean fairlead push\?/);
  });

  it('refers to the help of the command after a usage error', async () => {
    const { stderr } = await runFairlead(['policy', 'test']);
    assert.match(stderr, /^error: missing required argument 'file'\nhint: See fairlead policy test --help/);
  });

  it('keeps its exit code if stdout is closed or stderr cannot be written', async () => {
    const command = (redirect: string) => [
      '-c',
      `"$0" "$1" policy test /dev/null ghcr.io/acme/nginx ${redirect}`,
      process.execPath,
      launcher,
    ];
    const gone = spawn(process.execPath, [launcher, 'policy', 'test', '/dev/null', 'ghcr.io/acme/nginx'], {
      stdio: 'pipe',
    });
    gone.stdout.destroy();
    assert.deepEqual(await once(gone, 'exit'), [4, null]);
    assert.equal((await run('sh', command('2>/dev/full'))).code, 4);
    const { code, stderr } = await run('sh', command('>/dev/full'));
    assert.equal(code, 2, stderr);
    assert.match(stderr, /error: cannot write to stdout\n.*ENOSPC.*\nhint: The output is incomplete/s);
    assert.doesNotMatch(stderr, / at /);
  });

  it('prints usage errors as JSON with --output json', async () => {
    const { code, stdout, stderr } = await runFairlead(['pull', 'ghcr.io/acme/nginx:1', '--output', 'json']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    const { error } = JSON.parse(stderr);
    assert.equal(error.kind, 'InvalidInput');
    assert.match(error.message, /nothing specifies what the profile must meet/);
  });
});

describe('fairlead keygen', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-keygen-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('writes a private key that only its owner can read, and a public key', async () => {
    const { code, stdout } = await runFairlead(['keygen', '--prefix', 'plain'], { cwd: folder });
    assert.equal(code, 0);
    assert.match(stdout, /not encrypted/);
    assert.equal((await stat(join(folder, 'plain.key'))).mode & 0o777, 0o600);
    assert.match(await readFile(join(folder, 'plain.key'), 'utf8'), /^-----BEGIN PRIVATE KEY-----/);
    assert.match(await readFile(join(folder, 'plain.pub'), 'utf8'), /^-----BEGIN PUBLIC KEY-----/);
  });

  it('encrypts the private key under a passphrase', async () => {
    const env = { FAIRLEAD_PASSPHRASE: 'correct horse' };
    const { code, stdout } = await runFairlead(['keygen', '--prefix', 'secret', '--output', 'json'], {
      cwd: folder,
      env,
    });
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).encrypted, true);
    assert.match(await readFile(join(folder, 'secret.key'), 'utf8'), /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----/);
  });

  it('does not overwrite a file', async () => {
    await runFairlead(['keygen', '--prefix', 'twice'], { cwd: folder });
    const before = await readFile(join(folder, 'twice.key'));
    const again = await runFairlead(['keygen', '--prefix', 'twice'], { cwd: folder });
    assert.equal(again.code, 9);
    assert.match(again.stderr, /^error: twice\.key already exists/);
    assert.deepEqual(await readFile(join(folder, 'twice.key')), before);
  });

  it('leaves no empty private key behind if the disk is full', async () => {
    const script = `trap '' XFSZ; ulimit -f 0; exec "$0" "$1" keygen --prefix full`;
    const { code, stderr } = await run('sh', ['-c', script, process.execPath, launcher], { cwd: folder });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^error: cannot write full\.key/);
    await assert.rejects(stat(join(folder, 'full.key')), { code: 'ENOENT' });
  });

  it('leaves no private key behind if the public key cannot be written', async () => {
    await runFairlead(['keygen', '--prefix', 'half'], { cwd: folder });
    await rm(join(folder, 'half.key'));
    assert.equal((await runFairlead(['keygen', '--prefix', 'half'], { cwd: folder })).code, 9);
    await assert.rejects(stat(join(folder, 'half.key')), { code: 'ENOENT' });
  });
});
