import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, it, mock } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import { describePeers } from '#test/peers/require';
import { startOperator } from './operator.ts';

const script = fileURLToPath(new URL('../../deploy/operator/certificate.sh', import.meta.url));

describePeers(['openssl'], 'startOperator', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-operator-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => path.join(folder, name);
  execFileSync(script, [folder, 'IP:127.0.0.1']);
  execFileSync(script, [at('renewed'), 'IP:127.0.0.1']);
  writeFileSync(
    at('kubeconfig'),
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 't' } }],
    }),
  );
  const start = (listen: string, lines: string[] = [], clientCa?: string) =>
    startOperator({
      clientCa,
      kubeconfig: at('kubeconfig'),
      listen,
      tlsCert: at('tls.crt'),
      tlsKey: at('tls.key'),
      log: pino({}, { write: (line: string) => lines.push(line) }),
    });
  const servedCertificate = (address: string) =>
    new Promise<string>((resolve, reject) => {
      const [host, port] = address.split(':');
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const fingerprint = (file: string) => new X509Certificate(readFileSync(at(file))).fingerprint256;

  it('takes up a certificate that is replaced while it runs, and keeps the old one while the new is not whole', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const lines: string[] = [];
    const operator = await start('127.0.0.1:0', lines);
    try {
      const until = async (text: RegExp) => {
        mock.timers.tick(10_000);
        while (!lines.some((line) => text.test(line))) await new Promise((resolve) => setImmediate(resolve));
      };
      const before = fingerprint('tls.crt');
      assert.equal(await servedCertificate(operator.address), before);
      copyFileSync(at('renewed/tls.crt'), at('tls.crt'));
      await until(/TLS certificate not replaced/);
      assert.equal(await servedCertificate(operator.address), before);
      copyFileSync(at('renewed/tls.key'), at('tls.key'));
      await until(/"TLS certificate replaced"/);
      assert.equal(await servedCertificate(operator.address), fingerprint('renewed/tls.crt'));
    } finally {
      mock.timers.reset();
      await operator.stop();
    }
    await assert.rejects(servedCertificate(operator.address), { code: 'ECONNREFUSED' });
  });

  it('warns of a certificate that expires within 30 days, when it starts and once a day', async () => {
    const day = 24 * 60 * 60 * 1000;
    const warned = async (days: number, passing: number[] = []): Promise<string[]> => {
      const started = Date.now() + days * day;
      const now = mock.method(Date, 'now', () => started);
      mock.timers.enable({ apis: ['setInterval'] });
      const lines: string[] = [];
      const operator = await start('127.0.0.1:0', lines);
      try {
        for (const more of passing) {
          now.mock.mockImplementation(() => started + more * day);
          mock.timers.tick(10_000);
        }
      } finally {
        now.mock.restore();
        mock.timers.reset();
        await operator.stop();
      }
      return lines.flatMap((line) => /"msg":"(the TLS certificate [^"]*)"/.exec(line)?.[1] ?? []);
    };
    assert.deepEqual(await warned(300), []);
    assert.match(
      (await warned(340)).join(),
      /^the TLS certificate expires in 2\d days: no pod is admitted from then on/,
    );
    assert.equal((await warned(330, [10, 10.5, 11.1])).length, 2, 'not when it starts, then once on each day');
    assert.match((await warned(370)).join(), /^the TLS certificate has expired: API servers do not accept it/);
  });

  it('answers clients of the authority of --client-ca only, which may be replaced too', async () => {
    copyFileSync(at('ca.crt'), at('clients.crt'));
    mock.timers.enable({ apis: ['setInterval'] });
    const lines: string[] = [];
    const operator = await start('127.0.0.1:0', lines, at('clients.crt'));
    /** 401 for a stranger; who is known learns that this is no review. */
    const status = (folder: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = {
          method: 'POST',
          agent: false,
          rejectUnauthorized: false,
          headers: { 'content-type': 'application/json' },
          ...{ cert: readFileSync(at(`${folder}client.crt`)), key: readFileSync(at(`${folder}client.key`)) },
        };
        const sent = request(`https://${operator.address}/mutate-pods`, options, (response) => {
          resolve(response.resume().statusCode);
        });
        sent.on('error', reject);
        sent.end('{}');
      });
    try {
      assert.deepEqual([await status(''), await status('renewed/')], [400, 401]);
      copyFileSync(at('renewed/ca.crt'), at('clients.crt'));
      mock.timers.tick(10_000);
      while (!lines.some((line) => line.includes('TLS certificate replaced'))) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual([await status(''), await status('renewed/')], [401, 400]);
    } finally {
      mock.timers.reset();
      await operator.stop();
    }
    await assert.rejects(start('127.0.0.1:0', [], at('tls.key')), { kind: 'InvalidInput' });
  });

  it('refuses addresses that it cannot listen on', async () => {
    const operator = await start('127.0.0.1:0');
    const refused: [string, string, RegExp][] = [
      [operator.address, 'Unavailable', /cannot listen on 127\.0\.0\.1:.*EADDRINUSE/],
      ['9443', 'InvalidInput', /invalid listen address "9443": want host:port/],
      [':9443', 'InvalidInput', /":9443"/],
      ['127.0.0.1:70000', 'InvalidInput', /"127\.0\.0\.1:70000"/],
      ['::1:9443', 'InvalidInput', /"::1:9443"/],
    ];
    for (const [listen, kind, message] of refused) {
      await assert.rejects(start(listen), (thrown) => {
        assert.ok(thrown instanceof FairleadError);
        assert.equal(thrown.kind, kind);
        assert.match(thrown.message, message);
        return true;
      });
    }
    await operator.stop();
  });
});
