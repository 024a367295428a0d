import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { makeAuthority } from '#test/peers/certificates';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { startTokenServer, type TokenServer } from '#test/peers/token-server';
import { type Finished, type RunOptions, runFairlead } from '#test/support/cli/run';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';
import { describeProgram } from '../../../tools/describe-program.ts';

const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}';
const user = { username: 'ci', password: 'basic-secret:with/slash' };
const passphrase = 'passphrase-secret';
const refreshToken = 'refresh-secret';
const proxyPassword = 'proxy-secret';
const requestToken = 'request-secret';
const secrets = [
  user.password,
  passphrase,
  refreshToken,
  proxyPassword,
  requestToken,
  'signature-secret',
  'state-secret',
];

/** Options of commands that send requests. */
const sending: ReadonlySet<string> = new Set(['--plain-http', '--oci-layout', '--keyless', '--certificate-identity']);

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Asserts that no secret was printed, as it is or encoded, and no token. */
function assertNoSecret({ stdout, stderr }: Finished): void {
  const printed = stdout + stderr;
  for (const secret of [...secrets, `${user.username}:${user.password}`]) {
    const base64 = Buffer.from(secret).toString('base64').replace(/=*$/, '');
    for (const form of [secret, encodeURIComponent(secret), base64]) assert.ok(!printed.includes(form), printed);
  }
  // Every JSON web token begins so.
  assert.doesNotMatch(printed, /eyJ/);
  assert.doesNotMatch(printed, /authorization|cookie|bearer /i);
}

describePeers(['docker-registry', 'openssl'], 'what a command reports', () => {
  let cwd = '';
  let basic: Registry;
  let bearer: Registry;
  let tokens: TokenServer;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-reporting-'));
    await writeFile(join(cwd, 'nginx.json'), profile);
    await writeFile(
      join(cwd, 'policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
    );
    const signer = await makeAuthority(cwd, '/CN=fairlead-test-tokens');
    const shared = { service: 'registry.test', issuer: 'issuer.test' };
    tokens = await startTokenServer({ ...shared, signer, user, identityToken: refreshToken });
    [basic, bearer] = await Promise.all([
      startRegistry({ user }),
      startRegistry({ token: { ...shared, realm: tokens.realm, certificate: signer.certificate } }),
    ]);
    const keygen = await runFairlead(['keygen'], { cwd, env: { FAIRLEAD_PASSPHRASE: passphrase } });
    assert.equal(keygen.code, 0, keygen.stderr);
  });
  after(async () => {
    await Promise.all([basic.stop(), bearer.stop(), tokens.stop()]);
    await rm(cwd, { recursive: true });
  });

  const debug = async (args: readonly string[], options: RunOptions = {}, code = 0): Promise<string> => {
    const env = { FAIRLEAD_PASSPHRASE: passphrase, DOCKER_CONFIG: cwd, ...options.env };
    const finished = await runFairlead([...args, '--debug'], { cwd, ...options, env });
    assertNoSecret(finished);
    assert.equal(finished.code, code, finished.stderr);
    return finished.stderr;
  };
  const key = ['--key', 'fairlead.key'];
  const password = ['-u', user.username, '--password-stdin'];

  /** Writes a config.json with these credentials. */
  const dockerConfig = async (name: string, auths: object): Promise<string> => {
    await mkdir(join(cwd, name));
    await writeFile(join(cwd, name, 'config.json'), JSON.stringify({ auths }));
    return join(cwd, name);
  };

  it('has every request with status and duration, and no secret, with Basic authentication', async () => {
    const reference = `${basic.host}/nginx:1`;
    const input = user.password;
    const pushed = await debug(['push', 'nginx.json', reference, ...key, ...password], { input });
    assert.match(pushed, /^step: sign with the key fairlead\.key$/m);
    assert.match(pushed, /^http: POST http:\S+\/v2\/nginx\/blobs\/uploads\/\S*: \d{3} in \d+ ms$/m);
    assert.match(pushed, /_state=REDACTED/);
    assert.match(pushed, /^http: PUT http:\S+\/v2\/nginx\/manifests\/1: 201 in \d+ ms$/m);
    const verified = await debug(['verify', reference, '--policy', 'policy.yaml', ...password], { input });
    assert.match(verified, /^step: use the trust policy policy\.yaml \(1 rule\)$/m);
    assert.match(verified, /^step: rule \*\* requires key fairlead\.pub: met$/m);
    await debug(['login', basic.host, ...password], { input: 'wrong-secret' }, 6);
    assert.match(await debug(['ls', basic.host], {}, 6), /^http: GET http:\S+\/v2\/_catalog\S*: 401 in \d+ ms$/m);
  });

  it('has no token, with tokens for a password and for a refresh token', async () => {
    const reference = `${bearer.host}/nginx:1`;
    const args = ['push', 'nginx.json', reference, ...key];
    const log = await debug([...args, ...password], { input: user.password });
    assert.match(log, /^http: GET \S+\?service=registry\.test&scope=repository:nginx:pull,push\S*: 200 in \d+ ms$/m);
    const DOCKER_CONFIG = await dockerConfig('refresh', { [bearer.host]: { identitytoken: refreshToken } });
    const refreshed = await debug(args, { env: { DOCKER_CONFIG } });
    assert.match(refreshed, /^step: use the credentials for \S+ in \S+\/refresh\/config\.json$/m);
    assert.match(refreshed, /^http: POST http:\S+: 200 in \d+ ms$/m);
  });

  it('names a credential helper, and has nothing of what it prints', async () => {
    const helper = join(cwd, 'docker-credential-test');
    const answer = JSON.stringify({ Username: user.username, Secret: user.password });
    await writeFile(helper, `#!/bin/sh\necho '${answer}'\n`);
    await chmod(helper, 0o755);
    await mkdir(join(cwd, 'helper'));
    await writeFile(join(cwd, 'helper/config.json'), '{"credsStore": "test"}');
    const env = { DOCKER_CONFIG: join(cwd, 'helper'), PATH: `${cwd}:${process.env['PATH']}` };
    const log = await debug(['ls', `${basic.host}/nginx`], { env });
    assert.match(log, /^exec: run docker-credential-test get$/m);
    assert.match(log, /^step: use the credentials for \S+ from docker-credential-test$/m);
  });

  it('has no password of a proxy', async (t) => {
    const proxied: string[] = [];
    const proxy = await listen((request, response) => {
      proxied.push(request.headers['proxy-authorization'] ?? 'none');
      const { pathname, search } = new URL(request.url ?? '');
      const to = { port: basic.port, host: '127.0.0.1', path: pathname + search };
      const forwarded = httpRequest({ ...to, method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(forwarded);
    });
    proxy.on('connect', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    t.after(() => void [proxy.closeAllConnections(), proxy.close()]);
    const url = `http://proxy:${proxyPassword}@127.0.0.1:${portOf(proxy)}`;
    const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
    await debug(['push', 'nginx.json', `${basic.host}/nginx:1`, ...key, ...password], { input: user.password });
    const args = ['ls', 'registry.test/nginx', '--plain-http', ...password];
    const log = await debug(args, { env, input: user.password });
    assert.ok(proxied.includes(`Basic ${Buffer.from(`proxy:${proxyPassword}`).toString('base64')}`));
    assert.match(log, /^http: GET http:\/\/registry\.test\/v2\/nginx\/tags\/list\S*: 200 in \d+ ms$/m);
    const refused = await debug(['ls', 'registry.test/nginx'], { env }, 8);
    assert.match(refused, /^http: CONNECT registry\.test:443 through http:\/\/127\.0\.0\.1:\d+: 502 in \d+ ms$/m);
  });

  it('has no signature of a URL, no token in a path, and no password that a registry returns', async (t) => {
    const storage = await listen((_, response) => void response.writeHead(403).end());
    const token = `eyJ${'a'.repeat(40)}`;
    const url = `http://127.0.0.1:${portOf(storage)}/${token}/${encodeURIComponent(user.password)}`;
    const hostile = await listen((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return;
      }
      response.writeHead(307, { location: `${url}?X-Amz-Signature=signature-secret&sig=signature-secret` }).end();
    });
    t.after(() => [storage, hostile].map((server) => server.close()));
    const args = ['inspect', `127.0.0.1:${portOf(hostile)}/nginx:1`, ...password];
    const finished = await runFairlead([...args, '--debug'], { cwd, input: user.password });
    const lines = finished.stderr.split('\n').filter((line) => line.startsWith('http:'));
    assert.ok(
      lines.some((line) => line.includes('REDACTED/REDACTED?X-Amz-Signature=REDACTED&sig=REDACTED')),
      lines.join('\n'),
    );
    assertNoSecret({ ...finished, stderr: lines.join('\n') });
  });

  it('has no token of the CI system, and none of Sigstore', async (t) => {
    const sigstore = await privateSigstore();
    const server: SigstoreServer = await serveSigstore(sigstore);
    const github = await listen((_, response) => {
      response.end(JSON.stringify({ value: identityToken('https://issuer.example', 'me@acme.example') }));
    });
    t.after(() => Promise.all([server.stop(), github.close()]));
    await writeFile(join(cwd, 'signing.json'), JSON.stringify(server.signingConfig));
    await writeFile(join(cwd, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${portOf(github)}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    };
    const services = ['--signing-config', 'signing.json', '--trusted-root', 'root.json'];
    const log = await debug(['sign-blob', 'nginx.json', '--keyless', ...services], { env });
    assert.match(log, /^http: GET http:\S+\/token\?api-version=REDACTED&audience=REDACTED: 200 in \d+ ms$/m);
    assert.match(log, /^http: POST http\S+: 20[01] in \d+ ms$/m);
  });

  it('is only the reference with --quiet, and nothing beside a JSON document', async () => {
    const env = { FAIRLEAD_PASSPHRASE: passphrase };
    const layout = ['--oci-layout', 'layout'];
    const run = (...args: readonly string[]) => runFairlead([...args, ...layout], { cwd, env });
    const { stdout, stderr } = await run('push', '-q', 'nginx.json', 'localhost/nginx:1', ...key);
    assert.equal(stderr, '');
    assert.match(stdout, /^localhost\/nginx@sha256:[0-9a-f]{64}\n$/);
    const digest = stdout.slice(stdout.indexOf('@') + 1);
    const pinned = `localhost/nginx:1@${digest}`;
    const expected: readonly (readonly [args: readonly string[], text: string])[] = [
      [['sign', 'localhost/nginx:1', ...key], stdout],
      [['verify', 'localhost/nginx:1', '--policy', 'policy.yaml'], pinned],
      [['pull', 'localhost/nginx:1', '--policy', 'policy.yaml', '--file', 'pulled.json'], pinned],
      [['pull', 'localhost/nginx:1', '--policy', 'policy.yaml'], profile],
      [['inspect', 'localhost/nginx:1'], digest],
      [['tag', 'localhost/nginx:1', 'a', 'b'], pinned.replace(':1@', ':a@') + pinned.replace(':1@', ':b@')],
      [['ls', 'localhost/nginx'], '1\na\nb\n'],
      [['save', 'localhost/nginx:1', 'nginx.tar'], pinned],
      [['load', 'nginx.tar', 'localhost/loaded'], pinned.replace('nginx', 'loaded')],
      [['policy', 'test', 'policy.yaml', 'localhost/nginx:1'], ''],
      [['untag', 'localhost/nginx:b'], pinned.replace(':1@', '@')],
      [['delete', `localhost/nginx@${digest.trim()}`, '--yes', '--all-tags'], digest],
    ];
    for (const [args, text] of expected) {
      const finished = await run(...args, '--quiet');
      assert.deepEqual(finished, { code: 0, stdout: text, stderr: '' }, args.join(' '));
    }
    // Commands that compare and check files.
    const allowing = (name: string): string =>
      `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["${name}"], "action": "SCMP_ACT_ALLOW"}]}`;
    await writeFile(join(cwd, 'looser.json'), allowing('mount'));
    await writeFile(join(cwd, 'odd.json'), allowing('raed'));
    const quiet = async (...args: readonly string[]) => runFairlead([...args, '-q'], { cwd });
    const nothing = { code: 0, stdout: '', stderr: '' };
    assert.deepEqual(await quiet('diff', 'nginx.json', 'looser.json'), nothing);
    assert.deepEqual(await quiet('diff', '--new', 'nginx.json'), nothing);
    const gate = await quiet('diff', 'nginx.json', 'looser.json', '--fail-on', 'loosened');
    assert.deepEqual([gate.code, gate.stdout, gate.stderr.split('\n').length], [1, '', 2]);
    const linted = (await quiet('lint', 'odd.json')).stdout.trimEnd().split('\n');
    assert(
      linted.every((line) => /^odd\.json:\d+:\d+: (?:error|warning|info): /.test(line)),
      linted.join('\n'),
    );
    assert(linted.some((line) => line.includes('unknown-syscall')));
    const explained = await quiet('explain', 'looser.json', '--like', 'containerd@2.1');
    assert.match(explained.stdout, /^mount\n$/);
    const json = await run('verify', 'localhost/loaded:1', '--policy', 'policy.yaml', '-qo', 'json');
    assert.equal(JSON.parse(json.stdout).schemaVersion, 1);
    const refused = await run('verify', '-qv', 'localhost/nginx:1');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /'-q, --quiet' cannot be used with option '-v, --verbose'/);
  });

  it('is the same for every command that sends requests', async () => {
    const { subcommands } = await describeProgram();
    const commands = subcommands.flatMap((each) => [each, ...each.subcommands]);
    const flagsOf = (options: (typeof commands)[number]['options']) => options.flatMap(({ flags }) => flags);
    const requesting = commands
      .filter(({ name, options }) => name !== 'fairlead serve' && flagsOf(options).some((flag) => sending.has(flag)))
      .map(({ name }) => name);
    assert.ok(requesting.length > 20, requesting.join());
    const reporting = commands.filter(({ options }) => flagsOf(options).includes('--debug')).map(({ name }) => name);
    const others = ['fairlead logout', 'fairlead healthcheck', 'fairlead policy check'];
    assert.deepEqual(reporting.toSorted(), [...requesting, ...others].toSorted());
    for (const { name, options } of commands) {
      const flags = flagsOf(options);
      if (!reporting.includes(name)) continue;
      for (const flag of ['-q', '--quiet', '-v', '--verbose', '-o', '--output'])
        assert.ok(flags.includes(flag), `${name} ${flag}`);
      assert.equal(flags.includes('-u'), flags.includes('--username'), name);
      assert.ok(!flags.includes('-p'), name);
    }
  });
});
