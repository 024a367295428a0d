import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, beforeEach, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { failed, launcher, run, runFairlead, succeeded } from '#test/support/cli/run';
import { fairlead, folder } from '#test/support/cli/signing-folder';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';
import { writeEvidence } from '../../../tools/release/evidence.ts';
import { bundleNames, openSigner, releaseSigner, sbomName, signRelease } from '../../../tools/release/sign.ts';
import { digestFiles, renderSums, sumsName } from '../../../tools/release/sums.ts';

const commit = 'c'.repeat(40);
const passphrase = { FAIRLEAD_PASSPHRASE: 'secret' };
const directory = join(folder, 'release');
const release = { directory, version: '1.2.3', commit, epoch: 1_700_000_000 };
const archive = 'fairlead-linux-x64.tar.gz';
const programs = join(folder, 'programs');

describePeers(['cosign'], 'the signatures of a release', () => {
  before(async () => {
    succeeded(await fairlead(['keygen', '--prefix', 'release'], { env: passphrase }));
    guide = await readFile(new URL('../../../docs/guides/verify-downloads.md', import.meta.url), 'utf8');
    await mkdir(programs);
  });

  let guide: string;
  let subjects: readonly string[];
  beforeEach(async () => {
    await rm(directory, { recursive: true, force: true });
    await run('mkdir', [directory]);
    await writeFile(join(directory, archive), 'an archive');
    // An older release in the same directory.
    for (const name of [sumsName, ...bundleNames]) await writeFile(join(directory, name), 'old');
    await writeEvidence(release, ['node_modules/valibot'], undefined, {});
    subjects = [archive, sbomName, sumsName];
  });

  const cosign = (...args: string[]) =>
    run(peer('cosign'), args, { cwd: directory, env: { HOME: folder, PATH: process.env['PATH'] ?? '' } });
  const verified = (...args: string[]) => runFairlead(args, { cwd: directory });

  /** Returns the commands that the guide has under a heading. */
  function commandsOf(heading: string): readonly string[] {
    const [, section = ''] = guide.split(`\n## ${heading}\n`);
    const commands = [...(section.split('\n## ')[0] ?? '').matchAll(/^```sh\n(.*?)^```/gms)].map(
      ([, text = '']) => text,
    );
    assert.ok(commands.length > 0, heading);
    return commands;
  }

  /** Runs commands of the guide as a person does, beside the files of the release. */
  async function follow(commands: string, options = '') {
    const program = (command: string): string => `#!/bin/sh\nexec ${command} "$@" ${options}\n`;
    await writeFile(join(programs, 'cosign'), program(peer('cosign')), { mode: 0o755 });
    await writeFile(join(programs, 'fairlead'), program(`${process.execPath} ${launcher}`), { mode: 0o755 });
    const env = { HOME: folder, PATH: `${programs}:${process.env['PATH']}` };
    return run('bash', ['-euo', 'pipefail', '-c', commands], { cwd: directory, env });
  }

  it('verify by the commands of the guide, with a key, and not if a file was changed', async () => {
    await signRelease(directory, subjects, await openSigner({ key: join(folder, 'release.key') }, passphrase));
    await copyFile(join(folder, 'release.pub'), join(directory, 'fairlead-release.pub'));
    const headings = ['Signed with a key', 'Where it was built'];
    const commands = headings.flatMap(commandsOf);
    assert.equal(commands.length, 4);
    for (const each of [...commands, ...commandsOf('What it contains')]) succeeded(await follow(each));
    await writeFile(join(directory, archive), 'another archive');
    for (const each of commands) assert.notEqual((await follow(each)).code, 0, each);
  });

  it('are made with an encrypted key, and verified by Fairlead and cosign', async () => {
    const environment = { FAIRLEAD_RELEASE_KEY: join(folder, 'release.key'), ...passphrase };
    const signer = await releaseSigner(environment, false);
    assert.ok(signer);
    await writeEvidence(release, ['node_modules/valibot'], signer, {});
    assert.deepEqual(bundleNames, [
      'SHA256SUMS.sigstore.json',
      'fairlead.cdx.json.sigstore.json',
      'fairlead.provenance.sigstore.json',
    ]);
    // A second build has the same sums, with the signatures of the first beside it.
    assert.equal(await readFile(join(directory, sumsName), 'utf8'), renderSums(await digestFiles(directory)));

    const key = ['--key', '../release.pub'];
    const ignoring = [...key, '--insecure-ignore-tlog'];
    for (const name of [sumsName, sbomName]) {
      succeeded(await verified('verify-blob', name, ...key));
      succeeded(await cosign('verify-blob', ...ignoring, '--bundle', `${name}.sigstore.json`, name));
    }
    const attested = ['--bundle', 'fairlead.provenance.sigstore.json', '--type', 'slsaprovenance1'];
    for (const name of subjects) {
      assert.match(
        succeeded(await verified('verify-blob', name, ...attested, ...key)),
        new RegExp(`commit {5}${commit}`),
      );
      succeeded(await cosign('verify-blob-attestation', ...attested, ...ignoring, name));
    }
    await writeFile(join(directory, archive), 'another archive');
    failed(await verified('verify-blob', archive, ...attested, ...key), 5, /another artifact/);
    assert.notEqual((await cosign('verify-blob-attestation', ...attested, ...ignoring, archive)).code, 0);
    assert.equal((await run('sha256sum', ['--check', sumsName], { cwd: directory })).code, 1);
  });

  it('are made with the identity of the CI job', async () => {
    const sigstore = await privateSigstore();
    const server = await serveSigstore(sigstore, { subjectClaim: 'sub' });
    try {
      const file = async (name: string, content: string): Promise<string> => {
        await writeFile(join(folder, name), content);
        return join(folder, name);
      };
      const github = 'https://token.actions.githubusercontent.com';
      const workflow = 'https://github.com/OWNER/fairlead/.github/workflows/release.yml@refs/tags/v0.1.0';
      const services = {
        keyless: true,
        identityToken: await file('token', identityToken(github, workflow)),
        signingConfig: await file('signing.json', JSON.stringify(server.signingConfig)),
      };
      await assert.rejects(signRelease(directory, subjects, await openSigner(services, {})), /without a trusted root/);
      assert.ok(!(await readdir(directory)).includes('SHA256SUMS.sigstore.json'));
      const trustedRoot = await file('root.json', JSON.stringify(sigstore.trustedRoot));
      await signRelease(directory, subjects, await openSigner({ ...services, trustedRoot }, {}));

      const commands = commandsOf('Signed by the release workflow');
      assert.equal(commands.length, 2);
      const root = `--trusted-root ${trustedRoot}`;
      for (const each of commands) succeeded(await follow(each, root));
      const attested = `${archive} --bundle fairlead.provenance.sigstore.json --type slsaprovenance1`;
      const by = `--certificate-identity ${workflow} --certificate-oidc-issuer ${github}`;
      succeeded(await follow(`fairlead verify-blob ${attested} ${by}`, root));
      succeeded(await follow(`cosign verify-blob-attestation ${attested} ${by}`, root));
      for (const each of commands) {
        const other = await follow(each.replace('refs/tags/v0.1.0', 'refs/heads/main'), root);
        assert.notEqual(other.code, 0, each);
      }
    } finally {
      await server.stop();
    }
  });

  it('are not finished if the provenance is of other files', async () => {
    await writeFile(join(directory, archive), 'changed after the provenance was made');
    const signer = await openSigner({ key: join(folder, 'release.key') }, passphrase);
    await assert.rejects(signRelease(directory, subjects, signer), {
      kind: 'SignatureInvalid',
      message: /does not verify fairlead-linux-x64\.tar\.gz .*another artifact/,
    });
  });

  it('are the only files that differ between two builds', async () => {
    const read = async () =>
      Promise.all((await readdir(directory)).sort().map(async (name) => [name, await readFile(join(directory, name))]));
    const unsigned = await read();
    assert.equal(unsigned.length, 4);
    const open = () => openSigner({ key: join(folder, 'release.key') }, passphrase);
    await writeEvidence(release, ['node_modules/valibot'], open, {});
    const signed = await read();
    assert.equal(signed.length, 7);
    assert.deepEqual(
      signed.filter(([name]) => !String(name).endsWith('.sigstore.json')),
      unsigned,
    );
  });

  it('need one signer, or none', async () => {
    assert.equal(await releaseSigner({}, false), undefined);
    await assert.rejects(releaseSigner({ FAIRLEAD_RELEASE_KEY: 'k' }, true), /cannot be used together/);
  });

  it('need a key that can be opened, which is known before the build', async () => {
    await assert.rejects(releaseSigner({ FAIRLEAD_RELEASE_KEY: join(folder, 'none.key') }, false), /none\.key/);
    const encrypted = { FAIRLEAD_RELEASE_KEY: join(folder, 'release.key') };
    for (const env of [encrypted, { ...encrypted, FAIRLEAD_PASSPHRASE: 'wrong' }]) {
      await assert.rejects(releaseSigner(env, false), { kind: 'InvalidInput', message: /release\.key/ });
    }
  });

  it('are asked of an identity after the build, since a token is valid for minutes', async () => {
    const signer = await releaseSigner({}, true);
    await assert.rejects(async () => signer?.(), /identity token/);
  });
});
