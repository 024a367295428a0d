import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { run, runFairlead, succeeded } from '#test/support/cli/run';
import { BlankMachine, blankMachineRequirements } from '#test/support/release/blank-machine';
import { headCommit } from '../../tools/head-commit.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** The numbers of the architectures in ELF headers. */
const machines = { x64: 62, arm64: 183 };

/** What `npm run release` builds of the commit that is checked out. Takes minutes. */
describePeers(['cosign', ...blankMachineRequirements], 'npm run release', () => {
  let folder = '';
  let [first, second] = ['', ''];

  /** Builds a release in a clone of the checkout, signed with a key. */
  const build = async (name: string): Promise<string> => {
    const clone = join(folder, name);
    execFileSync('git', ['clone', '--quiet', root, clone]);
    // A link would lead esbuild to another place than the lock file names.
    execFileSync('cp', ['--archive', '--reflink=auto', join(root, 'node_modules'), clone]);
    const env = { ...process.env, FAIRLEAD_RELEASE_KEY: join(folder, 'release.key') };
    execFileSync('npm', ['run', '--silent', 'release'], { cwd: clone, env, stdio: ['ignore', 'inherit', 'inherit'] });
    return join(clone, 'release');
  };
  const read = (directory: string, name: string): string => readFileSync(join(directory, name), 'utf8');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-soak-release-'));
    succeeded(await runFairlead(['keygen', '--prefix', 'release'], { cwd: folder }));
    first = await build('first');
    second = await build('second');
  });
  after(() => rm(folder, { recursive: true }));

  it('has the same bytes each time, except for what is stated about one build', () => {
    assert.equal(read(first, 'SHA256SUMS'), read(second, 'SHA256SUMS'));
    const listed = Array.from(read(first, 'SHA256SUMS').matchAll(/^[0-9a-f]{64} {2}(.*)$/gm), ([, name]) => name);
    const others = readdirSync(first).filter((name) => !listed.includes(name));
    const statements = ['SHA256SUMS', 'fairlead.cdx.json', 'fairlead.provenance'].map(
      (name) => `${name}.sigstore.json`,
    );
    assert.deepEqual(others.sort(), ['SHA256SUMS', 'fairlead.provenance.json', ...statements].sort());
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: second });
  });

  it('is signed, which cosign and Fairlead verify', async () => {
    const key = ['--key', join(folder, 'release.pub')];
    const bundle = ['--bundle', 'SHA256SUMS.sigstore.json'];
    const cosign = (args: readonly string[]) => run(peer('cosign'), [...args], { cwd: first, env: { HOME: folder } });
    succeeded(await cosign(['verify-blob', ...key, ...bundle, '--insecure-ignore-tlog', 'SHA256SUMS']));
    succeeded(await runFairlead(['verify-blob', 'SHA256SUMS', ...key], { cwd: first }));
    const provenance = ['--bundle', 'fairlead.provenance.sigstore.json', '--type', 'slsaprovenance1'];
    for (const name of ['fairlead-linux-x64.tar.gz', 'fairlead-linux-arm64.tar.gz', 'SHA256SUMS']) {
      succeeded(await cosign(['verify-blob-attestation', ...key, ...provenance, '--insecure-ignore-tlog', name]));
      const printed = succeeded(await runFairlead(['verify-blob', name, ...key, ...provenance], { cwd: first }));
      assert.ok(printed.includes(headCommit(root).commit));
    }
  });

  for (const [architecture, machine] of Object.entries(machines))
    it(`has an archive for ${architecture} of at most 45 MB, with what a node needs`, () => {
      const archive = join(first, `fairlead-linux-${architecture}.tar.gz`);
      assert.ok(statSync(archive).size <= 45e6, String(statSync(archive).size));
      execFileSync('tar', ['-xzf', archive, '-C', folder]);
      const directory = join(folder, `fairlead-${version}-linux-${architecture}`);
      const header = Buffer.alloc(20);
      readSync(openSync(join(directory, 'bin/fairlead'), 'r'), header);
      assert.equal(header.subarray(0, 4).toString('latin1'), '\x7fELF');
      assert.equal(header.readUInt16LE(18), machine);
      for (const path of [
        'lib/systemd/system/fairlead-shim.service',
        'lib/systemd/system/fairlead-lsm.service',
        'lib/systemd/system/fairlead-lsm.socket',
        'share/bash-completion/completions/fairlead',
        'share/doc/fairlead/LICENSE',
        'share/doc/fairlead/THIRD-PARTY-LICENSES',
        'share/doc/fairlead/examples/policy.yaml',
        'share/man/man1/fairlead-push.1.gz',
      ])
        assert.ok(statSync(join(directory, path)).size > 0, path);
    });

  it('is refused for a checkout with changes that no commit contains', async () => {
    const clone = join(folder, 'first');
    writeFileSync(join(clone, 'new.txt'), '');
    const { code, stderr } = await run(process.execPath, ['tools/release/index.ts'], { cwd: clone });
    assert.equal(code, 2);
    assert.match(stderr, /new\.txt/);
  });

  it('works on a minimal Debian without Node.js and without a network, from the package and from the archive', async () => {
    const machine = await BlankMachine.start(first);
    try {
      const [deb, own] = process.arch === 'x64' ? ['amd64', 'x64'] : ['arm64', 'arm64'];
      const dpkg = `dpkg --install /release/fairlead_${version}_${deb}.deb`;
      const tar = `tar -xzf /release/fairlead-linux-${own}.tar.gz -C /usr/local --strip-components=1 --no-same-owner`;
      for (const [install, prefix] of [
        [dpkg, '/usr'],
        [tar, '/usr/local'],
      ] as const) {
        const printed = await machine.publishAndPull(install, `${prefix}/share/doc/fairlead/examples`);
        assert.ok(printed.includes(headCommit(root).commit), printed);
      }
    } finally {
      await machine.stop();
    }
  });
});
