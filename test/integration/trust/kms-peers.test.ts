import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { findPeer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { folder, fairlead as inFolder, policy } from '#test/support/cli/signing-folder';
import { installPlugin } from '#test/support/kms/install-plugin';

const env = { PATH: installPlugin(folder), HOME: folder };
const fairlead = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  inFolder(args, { env: { ...env, ...more } });
const cosign = (...args: readonly string[]) => run(findPeer('cosign') ?? '', args, { cwd: folder, env });
const noLog = '--insecure-ignore-tlog';

/** Returns the reference of a key in a file of the folder. */
const keyIn = (name: string): string => `filekms://${join(folder, name)}`;

describePeers(['docker-registry', 'cosign'], 'keys of a key service', () => {
  let registry: Registry;
  let repository = '';
  const key = keyIn('kms.pem');
  before(async () => {
    registry = await startRegistry();
    repository = `${registry.host}/profiles/nginx`;
    succeeded(await fairlead(['keygen', '--kms', key, '--prefix', 'kms']));
    await writeFile(
      join(folder, 'config.json'),
      '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}',
    );
  });
  after(() => registry.stop());

  it('sign what cosign verifies, with the file of the public key and through the plugin program', async () => {
    for (const format of ['bundle', 'legacy']) {
      const reference = `${repository}-${format}:1`;
      succeeded(await fairlead(['push', 'p.json', reference, '--key', key, '--signature-format', format]));
      for (const by of ['kms.pub', key]) succeeded(await cosign('verify', '--key', by, noLog, reference));
      for (const by of ['kms.pub', key]) succeeded(await fairlead(['verify', reference, '--key', by]));
      failed(await fairlead(['verify', reference, '--key', 'a.pub']), 5, /not made with this key/);
    }
  });

  it('verify what cosign signed through the same program', async () => {
    const reference = `${repository}:cosign`;
    succeeded(await fairlead(['push', 'p.json', reference, '--unsigned']));
    succeeded(await cosign('sign', '--key', key, '--signing-config', 'config.json', '--yes', reference));
    succeeded(await fairlead(['pull', reference, '--key', key]));
    succeeded(await fairlead(['verify', reference, '--key', 'kms.pub']));
  });

  it('have the public key that cosign reads through the program', async () => {
    assert.equal(succeeded(await cosign('public-key', '--key', key)), await readFile(join(folder, 'kms.pub'), 'utf8'));
  });

  it('sign artifacts, attestations and files', async () => {
    const reference = `${repository}:later`;
    succeeded(await fairlead(['push', 'p.json', reference, '--unsigned']));
    succeeded(await fairlead(['sign', reference, '--key', key]));
    assert.match(succeeded(await fairlead(['sign', reference, '--key', key])), /already/);
    await writeFile(join(folder, 'predicate.json'), '{"scanned": true}');
    const attest = ['attest', reference, '--predicate', 'predicate.json', '--type', 'https://example.com/scan'];
    succeeded(await fairlead([...attest, '--key', key]));
    const type = ['--type', 'https://example.com/scan'];
    succeeded(await cosign('verify-attestation', '--key', key, noLog, ...type, reference));
    await writeFile(join(folder, 'sums'), 'x'.repeat(1_000_000));
    succeeded(await fairlead(['sign-blob', 'sums', '--key', key]));
    succeeded(await fairlead(['verify-blob', 'sums', '--key', key]));
    succeeded(await cosign('verify-blob', '--key', key, noLog, '--bundle', 'sums.sigstore.json', 'sums'));
  });

  for (const [name, pair] of [
    ['ECDSA P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
  ] as const) {
    it(`sign with ${name}`, async () => {
      const file = `${name.replace(' ', '-')}.pem`;
      await writeFile(join(folder, file), pair().privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const reference = `${repository}:${file.toLowerCase()}`;
      succeeded(await fairlead(['push', 'p.json', reference, '--key', keyIn(file)]));
      succeeded(await cosign('verify', '--key', keyIn(file), noLog, reference));
    });
  }

  it('publish nothing if the program fails, and say what to do', async () => {
    const push = (name: string, fault: string) =>
      fairlead(['push', 'p.json', `${repository}-${name}:1`, '--key', key], { KMS_FAULT: fault });
    failed(await push('wrong', 'wrong-message'), 5, /was not made with its key .*\nhint: Want ECDSA/s);
    failed(await push('error', 'error'), 8, /reports an error: "no such key\\n::error::x"/);
    for (const name of ['wrong', 'error']) {
      failed(await fairlead(['verify', `${repository}-${name}:1`, '--key', key]), 7, /./);
    }
    const missing = await fairlead(['push', 'p.json', `${repository}:no`, '--key', 'awskms:///alias/ci']);
    failed(missing, 2, /no program sigstore-kms-awskms in PATH.*\nhint: Install .*sigstore-kms-awskms/s);
    failed(
      await fairlead(['verify', `${repository}:later`, '--key', 'awskms:///x']),
      2,
      /no program sigstore-kms-awskms/,
    );
    const phrase = ['--passphrase-file', 'p.json'];
    failed(
      await fairlead(['push', 'p.json', `${repository}:no`, '--key', key, ...phrase]),
      2,
      /is for a key in a file/,
    );
  });

  it('are generated under the name of a new file only', async () => {
    const before = await readFile(join(folder, 'kms.pem'), 'utf8');
    failed(await fairlead(['keygen', '--kms', key, '--prefix', 'kms']), 9, /kms\.pub already exists/);
    assert.equal(await readFile(join(folder, 'kms.pem'), 'utf8'), before);
    const fault = { KMS_FAULT: 'error', KMS_FAULT_IN: 'createKey' };
    failed(await fairlead(['keygen', '--kms', keyIn('new.pem'), '--prefix', 'new'], fault), 8, /reports an error/);
    await assert.rejects(readFile(join(folder, 'new.pub')), { code: 'ENOENT' });
    const { privateKey, ...made } = JSON.parse(
      succeeded(await fairlead(['keygen', '--kms', keyIn('new.pem'), '--prefix', 'new', '--output', 'json'])),
    );
    assert.deepEqual([privateKey, made.kmsKey, made.publicKey], [undefined, keyIn('new.pem'), 'new.pub']);
    await rm(join(folder, 'new.pem'));
    succeeded(await cosign('generate-key-pair', '--kms', keyIn('new.pem')));
    succeeded(await fairlead(['sign-blob', 'p.json', '--bundle', 'made.json', '--key', keyIn('new.pem')]));
    succeeded(await fairlead(['verify-blob', 'p.json', '--bundle', 'made.json', '--key', 'cosign.pub']));
  });

  it('need no file: a policy of a node has the public key', async () => {
    await policy('policy.yaml', `rules:\n  - {match: "${repository}-bundle", require: [{key: kms.pub}]}\n`);
    succeeded(await fairlead(['verify', `${repository}-bundle:1`, '--policy', 'policy.yaml']));
  });
});
