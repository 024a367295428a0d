import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFairlead } from '#test/support/cli/run';
import { startServe } from '#test/support/cli/serve';
import { audience, startTokenIssuer } from '#test/support/oidc/token-issuer';

const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}';

it('fairlead serve --authorization publishes for those whom the file names, and follows the file', async () => {
  const [folder, issuer] = await Promise.all([mkdtemp(join(tmpdir(), 'fairlead-serve-')), startTokenIssuer()]);
  const file = join(folder, 'authorization.yaml');
  const fileFor = (repository: string): string => `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "${issuer.url}"}]
rules:
  - issuer: ${issuer.url}
    subject: repo:example/app:ref:refs/heads/main
    verbs: [publish]
    repositories: [localhost/${repository}]
`;
  await writeFile(file, fileFor('security/nginx'));
  const listening = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--embedded', join(folder, 'data')];
  const authorization = ['--authorization', file, '--audience', audience, '--audit-log', join(folder, 'audit')];
  const services = await startServe([...listening, ...authorization], { cwd: folder }).catch(async (error: unknown) => {
    // The issuer would keep this process from ending.
    await issuer.stop();
    throw error;
  });
  const publish = async (repository: string, claims = {}): Promise<number> => {
    const response = await fetch(`${services.push}/v1/profiles?reference=localhost/${repository}:1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await issuer.sign(claims)}` },
      body: profile,
    });
    await response.arrayBuffer();
    return response.status;
  };
  try {
    assert.equal(await publish('security/nginx'), 201);
    assert.equal(await publish('security/redis'), 403);
    assert.equal(await publish('security/nginx', { sub: 'repo:example/app:pull_request' }), 403);
    assert.equal(await publish('security/nginx', { aud: 'https://other.example.com' }), 401);
    const lines = (await readFile(join(folder, 'audit'), 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)).map(({ outcome, error }) => error ?? outcome),
      ['published', 'NotAllowed', 'NotAllowed', 'Unauthenticated'],
    );
    await writeFile(file, fileFor('security/redis'));
    services.reload();
    let status = 0;
    for (let waited = 0; status !== 201 && waited < 10_000; waited += 50) {
      status = await publish('security/redis');
      if (status !== 201) await sleep(50);
    }
    assert.equal(status, 201);
    assert.equal(await publish('security/nginx'), 403);
    assert.match(await (await fetch(`${services.push}/metrics`)).text(), /^fairlead_authorization_in_force\{.*\} 1$/m);

    const without = await runFairlead(['serve', ...listening, '--authorization', file], { cwd: folder });
    assert.equal(without.code, 2, without.stderr);
    assert.match(without.stderr, /lists issuers of tokens, but the service has no audience/);
  } finally {
    await services.stop();
    await issuer.stop();
    await rm(folder, { recursive: true });
  }
});
