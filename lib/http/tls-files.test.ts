import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FairleadError } from '#lib/errors';
import { describePeers } from '#test/peers/require';
import { TlsFiles } from './tls-files.ts';

const script = fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url));

describePeers(['openssl'], 'TLS files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-tls-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const inUse = { cert: path.join(folder, 'tls.crt'), key: path.join(folder, 'tls.key') };
  const make = (name: string) => {
    const made = path.join(folder, name);
    execFileSync(script, [made, 'IP:127.0.0.1']);
    return made;
  };
  const isBadInput = (thrown: unknown) =>
    thrown instanceof FairleadError && thrown.kind === 'InvalidInput' && thrown.message.includes(inUse.cert);

  it('are read again, and a pair that is replaced one by one is taken up when it is whole', async () => {
    const [first, second] = [make('first'), make('second')];
    copyFileSync(path.join(first, 'tls.crt'), inUse.cert);
    copyFileSync(path.join(first, 'tls.key'), inUse.key);
    const files = await TlsFiles.open(inUse);
    const before = files.pair;
    assert.match(before.cert, /BEGIN CERTIFICATE/);
    assert.equal(await files.reload(), undefined);

    copyFileSync(path.join(second, 'tls.crt'), inUse.cert);
    await assert.rejects(files.reload(), isBadInput);
    assert.equal(files.pair, before);

    copyFileSync(path.join(second, 'tls.key'), inUse.key);
    const renewed = await files.reload();
    assert.notEqual(renewed?.cert, before.cert);
    assert.equal(files.pair, renewed);
    assert.equal(await files.reload(), undefined);
  });

  it('that cannot be used are refused, by name', async () => {
    rmSync(inUse.key);
    await assert.rejects(TlsFiles.open(inUse), isBadInput);
    writeFileSync(inUse.key, 'no key');
    await assert.rejects(TlsFiles.open(inUse), isBadInput);
  });

  it('may specify who vouches for clients, which is read again too', async () => {
    const made = make('clients');
    const file = (name: string) => path.join(made, name);
    const files = await TlsFiles.open({ cert: file('tls.crt'), key: file('tls.key'), clientCa: file('ca.crt') });
    assert.match(files.pair.ca ?? '', /BEGIN CERTIFICATE/);
    assert.equal(await files.reload(), undefined);
    copyFileSync(path.join(make('others'), 'ca.crt'), file('ca.crt'));
    assert.ok((await files.reload()) !== undefined);
    writeFileSync(file('ca.crt'), '');
    await assert.rejects(files.reload(), { kind: 'InvalidInput', message: /clients\/ca\.crt/ });
  });
});
