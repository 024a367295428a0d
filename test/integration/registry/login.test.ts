import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { failed, type RunOptions, runFairlead, succeeded } from '#test/support/cli/run';

const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n';

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-login-'));
  await writeFile(join(cwd, 'nginx.json'), profile);
  await fairlead(['keygen']);
});
after(() => rm(cwd, { recursive: true }));

/** Runs fairlead, and returns its output as JSON; fails if it failed. */
async function fairlead(args: readonly string[], options: RunOptions = {}) {
  return JSON.parse(succeeded(await runFairlead([...args, '--output', 'json'], { cwd, ...options })));
}

describePeers(['docker-registry'], 'fairlead login and logout', () => {
  let registry: Registry;
  const user = { username: 'ann', password: 'correct horse' };
  before(async () => {
    registry = await startRegistry({ user });
  });
  after(() => registry.stop());

  const login = (env: Record<string, string>, password: string) =>
    runFairlead(['login', registry.host, '--username', user.username, '--password-stdin'], {
      cwd,
      env,
      input: `${password}\n`,
    });

  it('tries a password out, keeps it for its owner only, and forgets it', async () => {
    const home = join(cwd, 'home');
    const env = { HOME: home };
    const wrong = await login(env, 'wrong horse');
    failed(wrong, 6, /^error: 127\.0\.0\.1:\d+ does not accept this user name and password\n {2}cause: GET .*401/);
    assert.match(wrong.stderr, /hint: Check both\..* Nothing was stored\./);
    assert(!`${wrong.stdout}${wrong.stderr}`.includes('horse'));
    await assert.rejects(readFile(join(home, '.docker/config.json')), { code: 'ENOENT' });

    const right = await login(env, user.password);
    assert.equal(right.code, 0, right.stderr);
    assert(!`${right.stdout}${right.stderr}`.includes('horse'));
    const reference = `${registry.host}/security/nginx:1`;
    await fairlead(['push', 'nginx.json', reference, '--key', 'fairlead.key'], { env });
    await fairlead(['copy', reference, `${registry.host}/security/copied`], { env });
    assert.deepEqual((await fairlead(['ls', `${registry.host}/security/copied`], { env })).names, ['1']);
    assert.deepEqual((await fairlead(['ls', registry.host], { env })).names, [
      `${registry.host}/security/copied`,
      `${registry.host}/security/nginx`,
    ]);

    assert.equal((await fairlead(['logout', registry.host], { env })).forgotten, true);
    assert.equal((await fairlead(['logout', registry.host], { env })).forgotten, false);
    assert.equal((await runFairlead(['ls', registry.host], { cwd, env })).code, 6);
  });

  it('keeps it in the credential helper that the configuration names', async () => {
    const directory = join(cwd, 'helped');
    await mkdir(directory);
    const helper = join(directory, 'docker-credential-file');
    await writeFile(
      helper,
      '#!/bin/sh\ncase $1 in store) cat > "$KEPT" ;; get) cat "$KEPT" ;; erase) rm "$KEPT" ;; esac\n',
    );
    await chmod(helper, 0o755);
    await writeFile(join(directory, 'config.json'), '{"credsStore": "file"}');
    const env = {
      DOCKER_CONFIG: directory,
      KEPT: join(directory, 'kept'),
      PATH: `${directory}:${process.env['PATH']}`,
    };
    const { code, stderr, stdout } = await login(env, user.password);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /docker-credential-file/);
    assert.equal(await readFile(join(directory, 'config.json'), 'utf8'), '{"credsStore": "file"}');
    await fairlead(['ls', registry.host], { env });
    await fairlead(['logout', registry.host], { env });
    await assert.rejects(readFile(env.KEPT), { code: 'ENOENT' });
  });

  it('finds what podman and buildah logged in with', async () => {
    const file = join(cwd, 'auth.json');
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    await writeFile(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
    await fairlead(['ls', registry.host], { env: { REGISTRY_AUTH_FILE: file } });
  });

  it('sends the password to a token service on another domain only if that is trusted', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      const { host, pathname } = new URL(request.url ?? '');
      if (host === 'tokens.example.org') {
        asked.push(request.headers.authorization);
        response.end('{"token": "t"}');
      } else if (request.headers.authorization === 'Bearer t') response.end('{"tags": ["1"]}');
      else {
        const challenge = 'Bearer realm="https://tokens.example.org/token",service="s"';
        response.writeHead(401, { 'www-authenticate': challenge }).end(pathname);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const at = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const env = { HTTP_PROXY: at, HTTPS_PROXY: at, HOME: cwd };
      const args = ['login', 'registry.test', '--plain-http', '--username', 'ann', '--password-stdin'];
      const { code, stderr } = await runFairlead(args, { cwd, env, input: 'correct horse' });
      assert.equal(code, 4);
      assert.match(stderr, /tokens\.example\.org.*--trust-realm/s);
      assert.deepEqual(asked, []);
      // The host is trusted now, and is accessed by HTTPS, which it does not support.
      const told = [...args, '--trust-realm', 'tokens.example.org'];
      assert.equal((await runFairlead(told, { cwd, env, input: 'correct horse' })).code, 8);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('does not prompt without a terminal, and accepts no password as an argument', async () => {
    const silent = await runFairlead(['login', registry.host, '--username', 'ann'], { cwd });
    assert.equal(silent.code, 2);
    assert.match(silent.stderr, /no terminal/);
    assert.equal((await runFairlead(['login', registry.host, '--password', 'x'], { cwd })).code, 2);
    assert.equal((await login({ HOME: cwd }, '')).code, 2);
    assert.equal((await runFairlead(['login', 'https://registry.example.com'], { cwd })).code, 2);
  });
});
