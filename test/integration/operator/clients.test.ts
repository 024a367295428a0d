import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { OperatorCluster } from '#test/support/operator-cluster';

const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;

describePeers(
  apiserverRequirements,
  'the operator with --client-ca, and an API server with a client certificate',
  () => {
    let cluster: OperatorCluster;
    before(async () => {
      cluster = await OperatorCluster.start({ clientCertificate: true });
      assert.equal((await cluster.bind('nginx', { reference, podSelector: {} })).status, 201);
    });
    after(() => cluster?.stop());

    /** Sends a request to the operator as a client in the cluster, with any certificate. */
    const ask = (method: string, path: string, body: string | undefined, files?: { cert: string; key: string }) =>
      new Promise<{ status: number; body: string }>((resolve, reject) => {
        const options = {
          method,
          ca: readFileSync(cluster.file('ca.crt')),
          headers: { 'content-type': 'application/json' },
          ...(files && { cert: readFileSync(cluster.file(files.cert)), key: readFileSync(cluster.file(files.key)) }),
        };
        const sent = request(`https://${cluster.address}${path}`, options, (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
        });
        sent.on('error', reject);
        sent.end(body);
      });
    const review = (filled = ''): string =>
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        request: {
          uid: 'u-1',
          kind: { group: '', version: 'v1', kind: 'Pod' },
          resource: { group: '', version: 'v1', resource: 'pods' },
          namespace: 'web',
          operation: 'CREATE',
          object: { metadata: {}, spec: { containers: [{ name: 'app' }], filled } },
        },
      });

    it('binds pods for the API server', async () => {
      const { status, body } = await cluster.createPod('bound');
      assert.equal(status, 201, body.message);
      assert.equal(body.spec.securityContext?.seccompProfile?.localhostProfile, `oci/${reference}`);
      const unconfined = { securityContext: { seccompProfile: { type: 'Unconfined' } } };
      assert.equal((await cluster.createPod('refused', { spec: unconfined })).status, 403);
    });

    it('shows no binding to any other client in the cluster, and reads nothing of what it sends', async () => {
      const strangers = [undefined, { cert: 'tls.crt', key: 'tls.key' }];
      for (const files of strangers) {
        for (const path of ['/mutate-pods', '/validate-pods', '/other']) {
          const { status, body } = await ask('POST', path, review(), files);
          assert.equal(status, 401, body);
          assert.doesNotMatch(body, /nginx|oci\//);
        }
        const large = review('x'.repeat(3 * 1024 * 1024));
        const answer = await ask('POST', '/mutate-pods', large, files).catch(
          (error: NodeJS.ErrnoException) => error.code,
        );
        if (typeof answer === 'object') assert.equal(answer.status, 401);
        else assert.match(answer ?? '', /EPIPE|ECONNRESET/);
      }
      const { status, body } = await ask('POST', '/mutate-pods', review(), { cert: 'client.crt', key: 'client.key' });
      assert.equal(status, 200);
      assert.match(body, /localhost-profile/);
    });

    it('tells kubelets whether it is alive and ready, and nothing else', async () => {
      assert.deepEqual(await ask('GET', '/healthz', undefined), { status: 200, body: '{"status":"ok"}' });
      assert.deepEqual(await ask('GET', '/readyz', undefined), { status: 200, body: '{"status":"ready"}' });
      assert.equal((await ask('GET', '/mutate-pods', undefined)).status, 405);
    });
  },
);
