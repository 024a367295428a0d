import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, beforeEach, describe, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import { fileStatement } from '#lib/trust/signature/statement';
import { failed, succeeded } from '#test/support/cli/run';
import { fairlead, folder } from '#test/support/cli/signing-folder';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';

const content = Buffer.from('the sums of a release\n');
const bundleFile = 'SHA256SUMS.sigstore.json';
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
const sign = (...more: string[]) => fairlead(['sign-blob', 'SHA256SUMS', ...more]);
const verify = (...more: string[]) => fairlead(['verify-blob', 'SHA256SUMS', ...more]);

beforeEach(async () => {
  await writeFile(join(folder, 'SHA256SUMS'), content);
  await rm(join(folder, bundleFile), { force: true });
});

describe('sign-blob and verify-blob with a key', () => {
  it('write and find the bundle beside the file', async () => {
    assert.equal(succeeded(await sign('--key', 'a.key')), `signed  SHA256SUMS\nbundle  ${bundleFile}\n`);
    const text = succeeded(await verify('--key', 'a.pub'));
    assert.match(
      text,
      /^verified {3}SHA256SUMS\ndigest {5}sha256:[0-9a-f]{64}\nsigned by {2}key a\.pub \(SHA-256 [0-9a-f]{64}\)\n$/,
    );
    const {
      schemaVersion: _,
      signedBy,
      ...rest
    } = JSON.parse(succeeded(await verify('--key', 'a.pub', '--output', 'json')));
    assert.deepEqual(rest, { file: 'SHA256SUMS', bundle: bundleFile, digest: digestOf(content), size: content.length });
    assert.equal(signedBy.key, 'a.pub');
  });

  it('sign several files, each with its own bundle, and none if one cannot be signed', async () => {
    await writeFile(join(folder, 'one'), '1');
    await writeFile(join(folder, 'two'), '2');
    for (const wrong of ['missing', '.', 'empty']) {
      await writeFile(join(folder, 'empty'), '');
      failed(await fairlead(['sign-blob', 'one', wrong, '--key', 'a.key']), 2, /cannot (?:read|sign) /);
      await assert.rejects(read('one.sigstore.json'), { code: 'ENOENT' });
    }
    const { signed } = JSON.parse(
      succeeded(await fairlead(['sign-blob', 'one', 'two', '--key', 'a.key', '--output', 'json'])),
    );
    assert.deepEqual(signed, [
      { file: 'one', bundle: 'one.sigstore.json', alreadySigned: false },
      { file: 'two', bundle: 'two.sigstore.json', alreadySigned: false },
    ]);
    succeeded(await fairlead(['verify-blob', 'two', '--key', 'a.pub']));
    failed(
      await fairlead(['verify-blob', 'two', '--bundle', 'one.sigstore.json', '--key', 'a.pub']),
      5,
      /made for another artifact/,
    );
    failed(
      await fairlead(['sign-blob', 'one', 'two', '--bundle', 'b', '--key', 'a.key']),
      2,
      /--bundle names one file/,
    );
  });

  it('refuse a changed file, another key, and an attestation as a signature', async () => {
    succeeded(await sign('--key', 'a.key'));
    failed(await verify('--key', 'b.pub'), 5, /with key b\.pub: it was not made with this key/);
    await writeFile(join(folder, 'SHA256SUMS'), 'changed');
    failed(await verify('--key', 'a.pub'), 5, /does not verify SHA256SUMS .*another artifact.*\nhint: Check that/);
    failed(await verify('--key', 'a.pub', '--type', 'slsaprovenance1'), 5, /another artifact|not an attestation/);
    failed(await verify('--key', 'a.pub', '--type', 'nonsense'), 2, /invalid predicate type "nonsense"/);
  });

  it('print what an attestation states, each on one line', async () => {
    const signer = keySigner(await loadPrivateKey(await read('a.key')));
    const predicate = {
      buildDefinition: {
        resolvedDependencies: [{ uri: 'git+https://a.example\nsigned by  root', digest: { gitCommit: 'c\u001b[2J' } }],
      },
      runDetails: { builder: { id: 'me\ncommit     0123' } },
    };
    const subject = { name: 'SHA256SUMS', digest: digestOf(content) };
    const statement = fileStatement([subject], { predicateType: provenancePredicateType, predicate });
    await writeFile(join(folder, 'provenance.json'), await signer.sign(statement));
    const options = ['--bundle', 'provenance.json', '--key', 'a.pub', '--type', 'slsaprovenance1'];
    const rows = succeeded(await verify(...options)).split('\n');
    assert.deepEqual(
      rows.map((row) => row.slice(0, 11).trim()),
      ['verified', 'digest', 'signed by', 'type', 'builder', 'source', 'commit', ''],
    );
    assert.equal(rows[4], 'builder    me\\u{a}commit     0123');
    const result = JSON.parse(succeeded(await verify(...options, '--output', 'json')));
    assert.deepEqual(result.predicate, predicate);
    assert.equal(result.predicateType, provenancePredicateType);
  });

  it('leave the signature of the same signer, replace an outdated one, and keep what is not theirs', async () => {
    succeeded(await sign('--key', 'a.key'));
    const first = await read(bundleFile);
    assert.match(succeeded(await sign('--key', 'a.key')), /already signed, not changed/);
    assert.equal(await read(bundleFile), first);

    failed(
      await sign('--key', 'b.key'),
      9,
      /is a signature of SHA256SUMS by another signer, and is not overwritten\nhint: .*--bundle/,
    );
    assert.equal(await read(bundleFile), first);
    succeeded(await sign('--key', 'b.key', '--bundle', 'b.sigstore.json'));
    succeeded(await verify('--key', 'b.pub', '--bundle', 'b.sigstore.json'));

    await writeFile(join(folder, 'SHA256SUMS'), 'the next version');
    succeeded(await sign('--key', 'b.key'));
    succeeded(await verify('--key', 'b.pub'));

    await writeFile(join(folder, bundleFile), 'notes of a person');
    failed(await sign('--key', 'a.key'), 9, /is not a Sigstore bundle, and is not overwritten/);
    assert.equal(await read(bundleFile), 'notes of a person');
  });

  it('name what cannot be read or written', async () => {
    failed(
      await verify('--key', 'a.pub'),
      5,
      /no signature of SHA256SUMS: there is no file SHA256SUMS\.sigstore\.json\nhint: .*--bundle/,
    );
    failed(await verify('--key', 'a.pub', '--bundle', 'none.json'), 2, /cannot read none\.json/);
    failed(await fairlead(['verify-blob', 'nothing', '--key', 'a.pub']), 2, /cannot read nothing\n/);
    succeeded(await sign('--key', 'a.key'));
    failed(
      await fairlead(['verify-blob', 'nothing', '--bundle', bundleFile, '--key', 'a.pub']),
      2,
      /cannot read nothing/,
    );
    failed(await fairlead(['verify-blob', '.', '--bundle', bundleFile, '--key', 'a.pub']), 2, /cannot read \.\n/);
    failed(await sign('--key', 'a.key', '--bundle', 'missing/b.json'), 2, /cannot write missing\/b\.json/);
    failed(await sign('--key', 'missing.key'), 2, /cannot read missing\.key/);
    failed(await verify('--key', 'a.key'), 2, /a\.key: not a public key/);
    await writeFile(join(folder, 'large.json'), '');
    await truncate(join(folder, 'large.json'), 17 * 1024 * 1024);
    failed(await verify('--key', 'a.pub', '--bundle', 'large.json'), 10, /large\.json is larger than/);
    await mkdir(join(folder, 'directory'), { recursive: true });
    await symlink('loop', join(folder, 'loop')).catch(() => undefined);
    failed(await sign('--key', 'a.key', '--bundle', 'loop'), 2, /cannot read loop/);
    failed(await sign('--key', 'a.key', '--bundle', 'directory'), 2, /cannot read directory/);
  });

  it('read the file or the bundle from stdin, and not both', async () => {
    succeeded(await sign('--key', 'a.key'));
    const key = ['--key', 'a.pub'];
    succeeded(await fairlead(['verify-blob', '-', '--bundle', bundleFile, ...key], { input: content }));
    failed(
      await fairlead(['verify-blob', '-', '--bundle', bundleFile, ...key], { input: 'changed' }),
      5,
      /another artifact/,
    );
    succeeded(
      await fairlead(['verify-blob', 'SHA256SUMS', '--bundle', '-', ...key], { input: await read(bundleFile) }),
    );
    failed(await fairlead(['verify-blob', '-', ...key], { input: content }), 2, /has no default\nhint: Add --bundle/);
    failed(await fairlead(['verify-blob', '-', '--bundle', '-', ...key]), 2, /cannot both come from stdin/);
    failed(await sign('--key', 'a.key', '--bundle', '-'), 2, /cannot write to -/);
    await assert.rejects(read('-'), { code: 'ENOENT' });
  });

  it('read a large file as a stream', async () => {
    const mebibyte = 1024 * 1024;
    await writeFile(join(folder, 'large'), 'x');
    await truncate(join(folder, 'large'), 384 * mebibyte);
    const report = 'process.on("exit",()=>process.stderr.write("KiB:"+process.resourceUsage().maxRSS))';
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(report)}` };
    for (const command of [
      ['sign-blob', 'large', '--key', 'a.key'],
      ['verify-blob', 'large', '--key', 'a.pub'],
    ]) {
      const finished = await fairlead(command, { env });
      succeeded(finished);
      const used = Number(/KiB:(\d+)$/.exec(finished.stderr)?.[1]) / 1024;
      assert.ok(used > 20 && used < 256, `${command[0]} used ${used} MiB`);
    }
  });

  it('explain options that exclude or need each other', async () => {
    failed(await sign(), 2, /no key or identity to sign with/);
    failed(await verify(), 2, /no key or identity to verify with/);
    const identity = ['--certificate-identity', 'me@acme.example'];
    const issuer = ['--certificate-oidc-issuer', 'https://issuer.example'];
    failed(await verify('--key', 'a.pub', ...identity), 2, /cannot be used together/);
    failed(await verify(...identity), 2, /--certificate-identity needs --certificate-oidc-issuer/);
    failed(await verify(...issuer), 2, /--certificate-oidc-issuer needs --certificate-identity/);
    failed(await sign('--key', 'a.key', '--identity-token', 't'), 2, /--identity-token needs --keyless/);
  });
});

describe('sign-blob and verify-blob with an identity', () => {
  let sigstore: PrivateSigstore;
  before(async () => {
    sigstore = await privateSigstore();
  });

  it('sign with a private Sigstore, and verify identity, issuer and log with its trusted root', async () => {
    const server = await serveSigstore(sigstore);
    try {
      await writeFile(join(folder, 'signing.json'), JSON.stringify(server.signingConfig));
      await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
      await writeFile(join(folder, 'foreign.json'), JSON.stringify((await privateSigstore()).trustedRoot));
      await writeFile(join(folder, 'token'), identityToken('https://issuer.example', 'me@acme.example'));
      const services = ['--signing-config', 'signing.json', '--trusted-root', 'root.json'];
      succeeded(await sign('--keyless', '--identity-token', 'token', ...services));
      assert.match(succeeded(await sign('--keyless', '--identity-token', 'token', ...services)), /already signed/);
      const by = (identity: string, issuer: string, root = 'root.json') =>
        verify('--certificate-identity', identity, '--certificate-oidc-issuer', issuer, '--trusted-root', root);
      assert.match(
        succeeded(await by('me@acme.example', 'https://issuer.example')),
        /signed by {2}me@acme\.example, issuer https:\/\/issuer\.example, log index \d+\n/,
      );
      failed(await by('you@acme.example', 'https://issuer.example'), 5, /it was made by "me@acme\.example"/);
      failed(await by('me@acme.example', 'https://evil.example'), 5, /from issuer "https:\/\/issuer\.example"/);
      failed(await by('me@acme.example', 'https://issuer.example', 'foreign.json'), 5, /it does not verify/);
      failed(await by('me@acme.example', 'https://issuer.example', 'SHA256SUMS'), 2, /not a Sigstore trusted root/);
      failed(await sign('--key', 'a.key'), 9, /by another signer/);

      const logged = ['--bundle', 'logged.json'];
      succeeded(await sign('--key', 'a.key', ...services, ...logged));
      succeeded(await verify('--key', 'a.pub', '--trusted-root', 'root.json', ...logged));
      await writeFile(join(folder, 'SHA256SUMS'), 'changed');
      failed(await by('me@acme.example', 'https://issuer.example'), 5, /another artifact/);
    } finally {
      await server.stop();
    }
  });
});
