import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { apiserverRequirements, startApiserver } from './apiserver.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';
import { peer } from './peer.ts';
import { finishFolder, temporaryFolder } from './program.ts';
import { describePeers } from './require.ts';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'one' },
  spec: { containers: [{ name: 'main', image: 'registry.example.com/app:1' }] },
};

describePeers([...apiserverRequirements, 'kubectl'], 'kube-apiserver for tests', () => {
  it('takes pods through an admission webhook, and leaves no process behind', async () => {
    const folder = temporaryFolder('webhook');
    finishFolder(folder);
    const authority = await makeAuthority(folder, '/CN=webhook-ca');
    const names = { name: 'webhook', subject: '/CN=webhook', serverNames: 'IP:127.0.0.1' };
    const certificate = await makeCertificate(folder, authority, names);
    const patch = [{ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } }];
    const webhook = createServer({ cert: certificate.certificate, key: certificate.key }, async (request, response) => {
      const review = JSON.parse(await text(request));
      const answer = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch: base64(patch) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: answer }));
    });
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    const address = webhook.address();
    assert.ok(address !== null && typeof address === 'object');

    const apiserver = await startApiserver();
    try {
      const configuration = webhookConfiguration(`https://127.0.0.1:${address.port}/`, authority.certificate);
      const webhooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
      assert.equal((await apiserver.request('POST', webhooks, configuration)).status, 201);
      const file = path.join(folder, 'pod.json');
      writeFileSync(file, JSON.stringify(pod));
      const kubectl = async (...args: string[]): Promise<string> =>
        // not the synchronous form: the API server asks the webhook in this process meanwhile
        (await promisify(execFile)(peer('kubectl'), ['--kubeconfig', apiserver.kubeconfig, ...args])).stdout;
      const labels = async (): Promise<string> => {
        await apiserver.request('DELETE', '/api/v1/namespaces/default/pods/one?gracePeriodSeconds=0');
        await kubectl('create', '-f', file);
        return kubectl('get', 'pod', 'one', '-o', 'jsonpath={.metadata.labels}');
      };
      // the API server takes up a new webhook a moment after it answered
      const deadline = Date.now() + 20_000;
      let seen = await labels();
      while (seen === '' && Date.now() < deadline) seen = await labels();
      assert.equal(seen, '{"seen":"yes"}');
    } finally {
      await apiserver.stop();
      webhook.close();
    }
    assert.deepEqual(
      Object.values(apiserver.pids).filter((pid) => existsSync(`/proc/${pid}`)),
      [],
    );
  });
});

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

function webhookConfiguration(url: string, certificate: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'test' },
    webhooks: [
      {
        name: 'test.example.com',
        clientConfig: { url, caBundle: Buffer.from(certificate).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
      },
    ],
  };
}
