import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { it } from 'node:test';
import { peer } from './peer.ts';
import { startRegistry } from './registry.ts';
import { describePeers } from './require.ts';

describePeers(['docker-registry', 'crane'], 'docker-registry for tests', () => {
  it('serves on loopback and leaves no process behind', async () => {
    const registry = await startRegistry();
    const response = await fetch(`http://${registry.host}/v2/`);
    assert.equal(response.status, 200);
    await registry.stop();
    assert.equal(existsSync(`/proc/${registry.pid}`), false);
    await assert.rejects(fetch(`http://${registry.host}/v2/`));
  });

  it('asks for the password that it was given', async () => {
    const registry = await startRegistry({ user: { username: 'ann', password: 'open sesame' } });
    try {
      const url = `http://${registry.host}/v2/`;
      assert.equal((await fetch(url)).status, 401);
      const authorization = `Basic ${Buffer.from('ann:open sesame').toString('base64')}`;
      assert.equal((await fetch(url, { headers: { authorization } })).status, 200);
    } finally {
      await registry.stop();
    }
  });

  it('keeps its content over a stop and a start at the same port', async () => {
    const first = await startRegistry();
    execFileSync(peer('crane'), ['append', '--new_layer', '/dev/null', '--new_tag', `${first.host}/kept:1`], {
      stdio: 'pipe',
    });
    await first.stop();
    const second = await startRegistry({ port: first.port, storage: first.storage });
    try {
      assert.equal(second.host, first.host);
      assert.match(execFileSync(peer('crane'), ['ls', `${second.host}/kept`], { encoding: 'utf8' }), /^1$/m);
    } finally {
      await second.stop();
    }
  });
});
