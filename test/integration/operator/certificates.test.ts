import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { resources } from '#operator/api/resources';
import { parseSecretData } from '#operator/certificates/material';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { OperatorCluster, until } from '#test/support/operator-cluster';

const secretsPath = '/api/v1/namespaces/fairlead-system/secrets';
const secretPath = `${secretsPath}/fairlead-operator-certificates`;
const configurations = '/apis/admissionregistration.k8s.io/v1';
const mutating = `${configurations}/mutatingwebhookconfigurations/fairlead-operator`;
const validating = `${configurations}/validatingwebhookconfigurations/fairlead-operator`;
const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

interface Definition {
  readonly metadata: { readonly name: string; readonly annotations?: object };
  readonly spec: {
    readonly conversion: { readonly webhook: { readonly clientConfig: Readonly<Record<string, unknown>> } };
  };
}

interface Configuration {
  readonly metadata: { readonly resourceVersion: string };
  readonly webhooks: readonly { readonly name: string; readonly clientConfig: { readonly caBundle?: string } }[];
}

describePeers(apiserverRequirements, 'the certificates of the operator, with a real kube-apiserver', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start({ ownCertificates: true });
    assert.equal((await cluster.bind('nginx', { reference, podSelector: {} })).status, 201);
  });
  after(() => cluster?.stop());

  const get = async <T>(path: string): Promise<T> => {
    const { status, body } = await cluster.api.request('GET', path);
    assert.equal(status, 200, path);
    return body as T;
  };
  const secret = async () => (await get<{ data: Record<string, string> }>(secretPath)).data;
  const bundles = async () => {
    const found = await Promise.all([get<Configuration>(mutating), get<Configuration>(validating)]);
    return found.flatMap(({ webhooks }) => webhooks.map(({ clientConfig }) => clientConfig.caBundle));
  };
  const isTrusted = async (): Promise<boolean> => {
    const wanted = (await secret())['ca.crt'];
    return (await bundles()).every((bundle) => bundle === wanted);
  };
  const servedSerial = () =>
    new Promise<string>((resolve, reject) => {
      const [host, port] = cluster.address.split(':');
      const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  const secretSerial = async () =>
    new X509Certificate(parseSecretData(await secret()).serving.certificate).serialNumber;
  const patch = async (path: string, body: object) => {
    const { status } = await cluster.api.request('PATCH', path, body, 'application/merge-patch+json');
    assert.equal(status, 200);
  };
  let pods = 0;
  /** Creates pods through the webhooks all the time, until `holds`. */
  const admittedUntil = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    await until(what, async () => {
      const { status, body } = await cluster.createPod(`pod-${pods++}`);
      assert.equal(status, 201, body.message);
      return holds();
    });
  };

  it('are made without any step of an administrator, and trusted', async () => {
    await admittedUntil('trusted', isTrusted);
    assert.equal(await servedSerial(), await secretSerial());
    const { metadata } = await get<{ metadata: { labels: object } }>(secretPath);
    assert.deepEqual(metadata.labels, { 'app.kubernetes.io/managed-by': 'fairlead-operator' });
  });

  it('are trusted again if another client changes a configuration, and nothing else in it is touched', async () => {
    const before = await get<Configuration>(mutating);
    const webhooks = before.webhooks.map((webhook) => ({
      ...webhook,
      timeoutSeconds: 7,
      clientConfig: { ...webhook.clientConfig, caBundle: Buffer.from('x').toString('base64') },
    }));
    await patch(mutating, { webhooks });
    await until('repaired', isTrusted);
    const repaired = await get<Configuration>(mutating);
    assert.deepEqual(
      repaired.webhooks,
      before.webhooks.map((webhook) => ({ ...webhook, timeoutSeconds: 7 })),
    );
  });

  it('are trusted for the conversion of an API that cert-manager wrote for another operator', async () => {
    const resource = resources.find(({ kind }) => kind === 'ProfileRecording');
    assert.ok(resource !== undefined);
    const { metadata, spec, ...definition } = customResourceDefinition(resource) as Definition & object;
    const { conversion } = spec;
    const { clientConfig } = conversion.webhook;
    const theirs = { ...clientConfig, caBundle: readFileSync(cluster.file('ca.crt')).toString('base64') };
    const injected = 'security-profiles-operator/webhook-cert';
    const { status } = await cluster.api.request('POST', definitions, {
      ...definition,
      // As it is when the definition was applied over that of SPO 1.0 by server-side apply.
      metadata: { ...metadata, annotations: { 'cert-manager.io/inject-ca-from': injected, kept: 'yes' } },
      spec: { ...spec, conversion: { ...conversion, webhook: { ...conversion.webhook, clientConfig: theirs } } },
    });
    assert.equal(status, 201);
    const path = `${definitions}/${metadata.name}`;
    const wanted = (await secret())['ca.crt'];
    assert.notEqual(wanted, theirs.caBundle);
    await until('trusted', async () => {
      const found = await get<Definition>(path);
      return found.spec.conversion.webhook.clientConfig['caBundle'] === wanted;
    });
    const found = await get<Definition>(path);
    assert.deepEqual(found.metadata.annotations, { kept: 'yes' });
    assert.deepEqual(found.spec.conversion.webhook.clientConfig, { ...theirs, caBundle: wanted });
    assert.equal((await cluster.api.request('DELETE', path)).status, 200);
  });

  it('stay when the manifests are applied again, as an upgrade does', async () => {
    const before = await get<Configuration>(mutating);
    const [manifest] = cluster.webhooks('webhook.yaml');
    for (const manager of ['kubectl', 'another', 'kubectl']) {
      const path = `${mutating}?fieldManager=${manager}&force=true`;
      const { status } = await cluster.api.request('PATCH', path, manifest, 'application/apply-patch+yaml');
      assert.equal(status, 200);
      assert.ok(await isTrusted(), manager);
    }
    assert.deepEqual(
      (await get<Configuration>(mutating)).webhooks,
      before.webhooks.map((webhook) => ({ ...webhook, timeoutSeconds: 5 })),
    );
  });

  it('are not written again and again', async () => {
    await sleep(3000);
    const versions = async () =>
      (await Promise.all([mutating, validating, secretPath].map((path) => get<{ metadata: object }>(path)))).map(
        ({ metadata }) => (metadata as { resourceVersion: string }).resourceVersion,
      );
    const before = await versions();
    await sleep(5000);
    assert.deepEqual(await versions(), before);
  });

  it('are replaced if the Secret is deleted or damaged, and no call is lost', async () => {
    for (const damage of [
      () => cluster.api.request('DELETE', secretPath).then(() => undefined),
      () => patch(secretPath, { data: { 'tls.key': Buffer.from('x').toString('base64') } }),
      () => patch(secretPath, { data: null }),
    ]) {
      const before = await servedSerial();
      await damage();
      // The operator looks once a minute, and at once when a configuration changes.
      await patch(mutating, { metadata: { annotations: { touched: String(Date.now()) } } });
      await admittedUntil('another is served', async () => (await servedSerial()) !== before);
      await admittedUntil('trusted', isTrusted);
      assert.equal(await servedSerial(), await secretSerial());
    }
  });

  it('are not replaced by a replica whose clock is wrong', async () => {
    const { address } = cluster;
    const before = await secret();
    for (const days of [-200, 200]) {
      await cluster.stopOperator();
      mock.timers.enable({ apis: ['Date'], now: Date.now() + days * 24 * 60 * 60 * 1000 });
      try {
        await cluster.startOperator(address);
        assert.equal(await servedSerial(), await secretSerial());
        assert.deepEqual(await secret(), before);
      } finally {
        mock.timers.reset();
      }
    }
  });

  it('are written at most once a second while another client overwrites them', async () => {
    const began = Date.now();
    const { metadata, webhooks } = await get<Configuration>(mutating);
    let versions = 0;
    let last = metadata.resourceVersion;
    const theirs = webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle: 'eA==' },
    }));
    while (Date.now() - began < 6000) {
      await patch(mutating, { webhooks: theirs });
      await until('repaired', isTrusted);
      const { resourceVersion } = (await get<Configuration>(mutating)).metadata;
      if (resourceVersion !== last) versions++;
      last = resourceVersion;
    }
    assert.ok(versions >= 2 && versions <= 8, String(versions));
  });

  it('name what to do about a Secret that cannot be changed', async () => {
    for (const more of [{ immutable: true }, { type: 'example.com/other' }]) {
      const { address } = cluster;
      await cluster.stopOperator();
      assert.equal((await cluster.api.request('DELETE', secretPath)).status, 200);
      const labels = { 'app.kubernetes.io/managed-by': 'fairlead-operator' };
      const metadata = { name: 'fairlead-operator-certificates', namespace: 'fairlead-system', labels };
      assert.equal((await cluster.api.request('POST', secretsPath, { metadata, ...more })).status, 201);
      const before = cluster.log.length;
      await cluster.startOperator(address);
      const hint = /cannot update Secret.*immutable.*kubectl -n fairlead-system delete secret fairlead-operator-certif/;
      await until('it is reported', async () => cluster.log.slice(before).some((line) => hint.test(line)));
      assert.equal((await cluster.api.request('DELETE', secretPath)).status, 200);
      await until('made again', async () => (await cluster.api.request('GET', secretPath)).status === 200);
      await until('trusted', async () => (await servedSerial()) === (await secretSerial()) && (await isTrusted()));
    }
  });

  it('leave a Secret alone that another program owns, and name it', async () => {
    const { address } = cluster;
    await cluster.stopOperator();
    assert.equal((await cluster.api.request('DELETE', secretPath)).status, 200);
    const foreign = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'fairlead-operator-certificates', namespace: 'fairlead-system' },
      data: { 'tls.crt': Buffer.from('theirs').toString('base64') },
    };
    assert.equal((await cluster.api.request('POST', secretsPath, foreign)).status, 201);
    await cluster.startOperator(address);
    await until('it is reported', async () =>
      cluster.log.some((line) => /is not the operator's: it has no label/.test(line)),
    );
    assert.deepEqual(await secret(), foreign.data);
    assert.equal((await cluster.api.request('DELETE', secretPath)).status, 200);
    await until(
      'trusted',
      async () => (await cluster.api.request('GET', secretPath)).status === 200 && (await isTrusted()),
    );
  });
});
