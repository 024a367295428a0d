import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { it } from 'node:test';
import { startRefreg } from './refreg.ts';
import { describePeers } from './require.ts';

describePeers(['refreg'], 'registry with the referrers API for tests', () => {
  it('answers the referrers API and leaves no process behind', async () => {
    const refreg = await startRefreg();
    const url = `http://${refreg.host}/v2/some/repository/manifests/1`;
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] });
    const pushed = await fetch(url, { method: 'PUT', body, headers: { 'content-type': mediaType } });
    assert.equal(pushed.status, 201);
    const digest = pushed.headers.get('docker-content-digest');
    const referrers = await fetch(`http://${refreg.host}/v2/some/repository/referrers/${digest}`);
    assert.equal(referrers.status, 200);
    assert.equal(referrers.headers.get('content-type'), mediaType);
    await refreg.stop();
    assert.equal(existsSync(`/proc/${refreg.pid}`), false);
  });
});
