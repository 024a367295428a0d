import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, it, mock } from 'node:test';
import { pino } from 'pino';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { FollowedCertificate } from './followed-certificate.ts';
import { TlsFiles } from './tls-files.ts';

const interval = 10_000;
const consequence = { expired: 'clients refuse it', soon: 'clients refuse it then' };

describePeers(['openssl'], 'FollowedCertificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-certificate-'));
  const paths = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const install = (name: string, files: readonly string[] = ['tls.crt', 'tls.key']): void => {
    for (const file of files) writeFileSync(join(folder, file), readFileSync(join(folder, name, file)));
  };
  for (const name of ['first', 'second']) {
    mkdirSync(join(folder, name));
    execFileSync(join(root, 'deploy/operator/certificate.sh'), [join(folder, name), 'IP:127.0.0.1']);
  }
  after(() => rmSync(folder, { recursive: true }));
  afterEach(() => mock.timers.reset());

  const follow = async () => {
    install('first');
    const logged = new EventEmitter();
    const log = pino({}, { write: (line: string) => void logged.emit('line', JSON.parse(line)) });
    const tls = await TlsFiles.open(paths);
    mock.timers.enable({ apis: ['setInterval'] });
    return { tls, logged, followed: new FollowedCertificate(tls, log, consequence) };
  };

  it('uses a new certificate within ten seconds', async () => {
    const { tls, logged, followed } = await follow();
    followed.start();
    install('second');
    const line = once(logged, 'line');
    mock.timers.tick(interval);
    assert.equal((await line)[0].msg, 'TLS certificate replaced');
    assert.equal(tls.pair.cert, readFileSync(join(folder, 'second/tls.crt'), 'utf8'));
    assert.equal(followed.inForce, true);
    followed.stop();
  });

  it('keeps the certificate in use if the new one cannot be used, and logs and reports that', async () => {
    const { tls, logged, followed } = await follow();
    followed.start();
    install('second', ['tls.key']);
    const line = once(logged, 'line');
    mock.timers.tick(interval);
    const [{ msg, level }] = await line;
    assert.equal(msg, 'TLS certificate not replaced; the one in use stays');
    assert.equal(level, 50);
    assert.equal(tls.pair.cert, readFileSync(join(folder, 'first/tls.crt'), 'utf8'));
    assert.equal(followed.inForce, false);
    followed.stop();
  });
});
