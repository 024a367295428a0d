import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { connect } from 'node:tls';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { root } from '#test/support/cli/package';
import { run, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const addresses = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
const tls = ['--tls-cert', 'tls.crt', '--tls-key', 'tls.key'];

describePeers(['openssl', 'curl'], 'fairlead serve --tls-cert --tls-key', () => {
  let folder = '';
  let services: Services;
  /** Makes an authority and a certificate of it for 127.0.0.1, in a directory of the folder. */
  const makeCertificate = (name: string): void => {
    mkdirSync(join(folder, name));
    execFileSync(join(root, 'deploy/operator/certificate.sh'), [join(folder, name), 'IP:127.0.0.1']);
  };
  const install = async (name: string, files: readonly string[] = ['tls.crt', 'tls.key']): Promise<void> => {
    for (const file of files) {
      await copyFile(join(folder, name, file), join(folder, `new-${file}`));
      await rename(join(folder, `new-${file}`), join(folder, file));
    }
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-tls-'));
    for (const name of ['first', 'second']) makeCertificate(name);
    await install('first');
    services = await startServe(['--embedded', 'data', ...addresses, ...tls], { cwd: folder });
  });
  after(async () => {
    // A client that has opened a connection, and sends nothing, delays no end.
    const unused = connect({ port: Number(new URL(services.pull).port), host: '127.0.0.1', rejectUnauthorized: false });
    await once(unused, 'secureConnect');
    const ended = once(unused.resume(), 'close');
    assert.equal(await services.stop(), 0);
    await ended;
    await rm(folder, { recursive: true });
  });

  const curl = (url: string, name: string, ...args: string[]) =>
    run(peer('curl'), ['--silent', '--show-error', '--fail', '--cacert', join(name, 'ca.crt'), ...args, url], {
      cwd: folder,
    });
  /** Returns the fingerprint of a certificate, from a file or as openssl s_client prints it. */
  const fingerprint = (certificate: string): string =>
    execFileSync(peer('openssl'), ['x509', '-noout', '-fingerprint', '-sha256'], {
      input: certificate,
      encoding: 'utf8',
    });
  const shown = (url: string, ...args: string[]): string =>
    execFileSync(peer('openssl'), ['s_client', '-connect', new URL(url).host, ...args], {
      input: '',
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  const stored = async (name: string): Promise<string> =>
    fingerprint(await readFile(join(folder, name, 'tls.crt'), 'utf8'));
  const state = async (url: string, name: string): Promise<Record<string, unknown>> =>
    JSON.parse(succeeded(await curl(`${url}/readyz`, name)));
  /** Asks until the answer is the one that is expected; the test times out without it. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds()));
  };

  it('serves both services by TLS 1.2 and 1.3 only', async () => {
    for (const url of [services.push, services.pull]) {
      assert.match(url, /^https:/);
      assert.equal(fingerprint(shown(url)), await stored('first'));
      assert.equal((await state(url, 'first'))['certificateInForce'], true);
      assert.match(shown(url, '-tls1_2'), /Protocol *: TLSv1\.2/);
      assert.throws(() => shown(url, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'));
      const plain = await run(peer('curl'), ['--silent', '--show-error', url.replace('https', 'http')], {
        cwd: folder,
      });
      assert.notEqual(plain.code, 0);
      const untrusted = await run(peer('curl'), ['--silent', '--show-error', url], { cwd: folder });
      assert.equal(untrusted.code, 60, untrusted.stderr);
    }
  });

  it('uses a new certificate for new connections after SIGHUP', async () => {
    await install('second');
    services.reload();
    await until(async () => fingerprint(shown(services.pull)) === (await stored('second')));
    assert.equal(fingerprint(shown(services.push)), await stored('second'));
    assert.equal((await state(services.push, 'second'))['certificateInForce'], true);
  });

  it('keeps the certificate in use and reports it if the new one is broken, until it is corrected', async () => {
    await install('first', ['tls.crt']); // which is not for the key of the second
    services.reload();
    await until(async () => (await state(services.pull, 'second'))['certificateInForce'] === false);
    assert.equal(fingerprint(shown(services.pull)), await stored('second'));
    await writeFile(join(folder, 'tls.crt'), 'not a certificate');
    services.reload();
    assert.equal(fingerprint(shown(services.push)), await stored('second'));
    await install('first');
    services.reload();
    await until(async () => fingerprint(shown(services.pull)) === (await stored('first')));
    assert.equal((await state(services.pull, 'first'))['certificateInForce'], true);
  });

  it('refuses to start without the key, and with the key of another certificate', async () => {
    const serve = (...args: string[]) =>
      runFairlead(['serve', '--embedded', 'data', ...addresses, ...args], { cwd: folder });
    const alone = await serve('--tls-cert', 'tls.crt');
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /a certificate needs its key.*\nhint: .*--tls-cert.*--tls-key/);
    const other = await serve('--tls-cert', 'first/tls.crt', '--tls-key', 'second/tls.key');
    assert.equal(other.code, 2);
    assert.match(other.stderr, /cannot use the TLS files/);
  });
});
