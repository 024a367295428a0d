import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { it } from 'node:test';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { finishFolder, temporaryFolder } from '#test/peers/program';
import { describePeers } from '#test/peers/require';
import { KubeClient } from './client.ts';

/** As many as a client has. */
const sockets = 128;

describePeers(['openssl'], 'the time of a call', () => {
  it('begins when the call has got a socket', async () => {
    const folder = temporaryFolder('budget');
    const authority = await makeAuthority(folder, '/CN=budget-ca');
    const names = { name: 'server', subject: '/CN=server', serverNames: 'IP:127.0.0.1' };
    const { certificate, key } = await makeCertificate(folder, authority, names);
    // Answers nothing but the last call.
    const server = createServer({ cert: certificate, key }, ({ url }, response) => {
      if (url === '/last') response.end('answered');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const kubeconfig = path.join(folder, 'kubeconfig');
    const data = Buffer.from(authority.certificate).toString('base64');
    const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': data };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: {} }],
      }),
    );
    const api = await KubeClient.open({ kubeconfig, answerWithin: 4000 });
    try {
      const get = (at: string): Promise<string> => api.get({ path: at, title: `get ${at}` });
      const held = Promise.allSettled(Array.from({ length: sockets }, () => get('/held')));
      assert.equal(await get('/last'), 'answered');
      for (const outcome of await held) {
        assert.equal(
          outcome.status === 'rejected' && outcome.reason.message,
          'cannot get /held: no answer within 4000 ms',
        );
      }
    } finally {
      api.close();
      server.closeAllConnections();
      server.close();
      finishFolder(folder);
    }
  });
});
