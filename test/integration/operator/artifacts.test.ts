import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Digest } from '#lib/registry/digest';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import type { PublishRequest } from '#services/push/publication';
import { publish } from '#services/push/publish';
import { apiserverRequirements } from '#test/peers/apiserver';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { ArtifactObjects, conditionsOf, messageOf } from '#test/support/operator/artifact-objects';
import { OperatorCluster, until } from '#test/support/operator-cluster';
import { allowing, common, signer, stranger } from '#test/support/publication';

const user = { username: 'operator', password: 'a secret password' };
const pem = ({ key }: typeof signer): string => key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();

describePeers([...apiserverRequirements, 'docker-registry'], 'artifacts that an operator follows', () => {
  let cluster: OperatorCluster;
  let objects: ArtifactObjects;
  let registry: Registry;
  let closed: Registry;

  const push = async (
    repository: string,
    names: readonly string[],
    {
      by = signer,
      host = registry.host,
      ...request
    }: Partial<PublishRequest> & { by?: typeof signer; host?: string } = {},
  ): Promise<Digest> => {
    const reference: Reference = request.reference ?? parseReference(`${host}/${repository}:stable`);
    const target = remoteRepository(reference, { credentials: user });
    const { reference: published } = await publish(
      allowing(...names),
      { ...request, reference },
      { ...common, signer: by, target },
    );
    return published.digest;
  };
  const rules = (...more: readonly object[]) => [
    ...more,
    { match: `${registry.host}/**`, require: [{ key: pem(signer) }] },
    { match: `${closed.host}/**`, require: [{ key: pem(signer) }] },
  ];
  const reach = (name: string, digest: Digest) =>
    objects.reach('ProfileArtifact', name, ({ status }) => status?.digest === digest);
  /** Makes the operator ask the registry again at once, as after the interval. */
  let seconds = 600;
  const askAgain = (name: string) =>
    objects.merge('ProfileArtifact', name, { spec: { update: { policy: 'Track', interval: `${++seconds}s` } } });
  /** Has a profile made in a namespace whose quota does not allow it: that concerns no other. */
  const followInFullNamespace = async (binding: object, replicaSet: object): Promise<void> => {
    const quota = { hard: { 'count/profileartifacts.fairlead.dev': '0' } };
    const metadata = { name: 'none' };
    for (const [at, object] of [
      ['/api/v1/namespaces', { metadata: { name: 'full' } }],
      ['/api/v1/namespaces/full/resourcequotas', { metadata, spec: quota }],
    ] as const) {
      assert.equal((await cluster.request('POST', at, object)).status, 201);
    }
    // As the controller of quotas does.
    const status = { ...quota, used: quota.hard };
    const at = '/api/v1/namespaces/full/resourcequotas/none/status';
    assert.equal((await cluster.request('PUT', at, { metadata, spec: quota, status })).status, 200);
    assert.equal((await cluster.bind('by-image', binding, 'full')).status, 201);
    const created = await cluster.request('POST', '/apis/apps/v1/namespaces/full/replicasets', replicaSet);
    assert.equal(created.status, 201, created.body.message);
    const reported =
      /^Warning ProfileNotFollowed: .*its pods are refused: cannot create ProfileArtifact full\/.*exceeded quota/;
    await until('the event', async () => (await objects.events('by-image')).some((event) => reported.test(event)));
  };
  const track = (repository: string, host = registry.host) => ({
    reference: `${host}/${repository}:stable`,
    update: { policy: 'Track' },
  });

  before(async () => {
    [cluster, registry, closed] = await Promise.all([
      OperatorCluster.start(),
      startRegistry(),
      startRegistry({ user }),
    ]);
    objects = new ArtifactObjects(cluster);
  });
  after(async () => {
    await cluster?.stop();
    await registry?.stop();
    await closed?.stop();
  });

  it('are not used without a trust policy, and are as soon as there is one', async () => {
    const digest = await push('first', ['read']);
    await objects.follow('first', { reference: `${registry.host}/first:stable` });
    const denied = await objects.reachCondition('first', 'Ready False NotAllowed');
    assert.match(
      messageOf(denied, 'Ready'),
      /^TrustPolicy default \(which does not exist\) does not allow Seccomp profiles/,
    );
    assert.equal((await objects.create('TrustPolicy', 'default', { rules: rules() })).status, 201);
    const policy = await objects.reachCondition('default', 'Ready True InForce', 'TrustPolicy');
    const { status } = await reach('first', digest);
    assert.equal(status?.reference, `${registry.host}/first@${digest}`);
    assert.equal(status.policy, policy.status?.revision);
    assert.deepEqual(status.signers, [{ key: signer.key.publicKey.fingerprint }]);
    assert.equal(status.rule, `${registry.host}/**`);
    assert.ok((status.size ?? 0) > 50);
    const metrics = await cluster.metrics();
    for (const result of ['NotAllowed', 'UpToDate']) {
      assert.match(
        metrics,
        new RegExp(`^fairlead_artifact_checks_total\\{result="${result}",service="operator"\\} [1-9]`, 'm'),
      );
    }
  });

  it('are re-tagged: a stricter digest is noticed, verified and taken', async () => {
    const first = await push('retagged', ['read', 'ptrace']);
    await objects.follow('retagged', track('retagged'));
    await reach('retagged', first);
    const second = await push('retagged', ['read']);
    await askAgain('retagged');
    const { status } = await reach('retagged', second);
    assert.deepEqual(
      status?.history?.map(({ since: _, ...entry }) => entry),
      [{ digest: second, loosened: 0, tightened: 1, summary: 'permits less: ptrace' }, { digest: first }],
    );
    await until('the event', async () =>
      (await objects.events('retagged')).some((event) => event.startsWith('Normal Replaced')),
    );
  });

  it('are not replaced by a looser or an unsigned digest, and events state why', async () => {
    const first = await push('kept', ['read']);
    await objects.follow('kept', track('kept'));
    await reach('kept', first);
    const looser = await push('kept', ['read', 'ptrace']);
    await askAgain('kept');
    const refused = await objects.reachCondition('kept', 'UpToDate False LooserReplacement');
    assert.equal(refused.status?.digest, first);
    assert.equal(refused.status?.refused?.digest, looser);
    const message = messageOf(refused, 'UpToDate');
    assert.match(message, /permits more: ptrace.*set spec\.update\.allowLooser: true/);
    const [, command = ''] = /: fairlead (diff .*?)\. To take it/.exec(message) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-artifacts-'));
    try {
      await writeFile(join(folder, 'signer.pub'), pem(signer));
      const policy = "rules: [{match: '**', require: [{key: signer.pub}]}]";
      await writeFile(join(folder, 'FILE'), `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n${policy}\n`);
      const shown = succeeded(await runFairlead(command.split(' '), { cwd: folder }));
      assert.match(shown, /^Loosened:\n.*\n +ptrace$/m);
    } finally {
      await rm(folder, { recursive: true });
    }
    const foreign = await push('kept', ['read', 'bind'], { by: stranger });
    await askAgain('kept');
    const unsigned = await objects.reachCondition('kept', 'UpToDate False SignatureInvalid');
    assert.equal(unsigned.status?.digest, first);
    assert.equal(unsigned.status?.refused?.digest, foreign);
    assert.ok(conditionsOf(unsigned).includes('Ready True Verified'));
    await until('the events', async () => {
      const events = await objects.events('kept');
      return [/^Warning LooserReplacement: .* stays in force\.$/, /^Warning SignatureInvalid: /].every((pattern) =>
        events.some((event) => pattern.test(event)),
      );
    });
  });

  it('are compared with the digest in force after a restart of the operator, and taken if that is allowed', async () => {
    const first = await push('restarted', ['read']);
    await objects.follow('restarted', track('restarted'));
    await reach('restarted', first);
    const { address } = cluster;
    await cluster.stopOperator();
    const looser = await push('restarted', ['read', 'mount']);
    const path = '/apis/fairlead.dev/v1alpha1/namespaces/web/profileartifacts/restarted/status';
    const overdue = { status: { lastCheckTime: '2026-01-01T00:00:00Z' } };
    const patched = await cluster.api.request('PATCH', path, overdue, 'application/merge-patch+json');
    assert.equal(patched.status, 200);
    await cluster.startOperator(address);
    const refused = await objects.reachCondition('restarted', 'UpToDate False LooserReplacement');
    assert.equal(refused.status?.digest, first);
    await objects.merge('ProfileArtifact', 'restarted', { spec: { update: { allowLooser: true } } });
    const { status } = await reach('restarted', looser);
    assert.equal(status?.history?.[0]?.loosened, 1);
  });
  it('are withdrawn when the policy no longer allows them, and taken again when it does', async () => {
    const digest = await push('withdrawn', ['read']);
    await objects.follow('withdrawn', { reference: `${registry.host}/withdrawn:stable` });
    await reach('withdrawn', digest);
    const other = { match: `${registry.host}/withdrawn`, require: [{ key: pem(stranger) }] };
    await objects.merge('TrustPolicy', 'default', { spec: { rules: rules(other) } });
    const withdrawn = await objects.reachCondition('withdrawn', 'Ready False SignatureInvalid');
    assert.equal(withdrawn.status?.reference, undefined);
    await objects.merge('TrustPolicy', 'default', { spec: { rules: rules() } });
    await reach('withdrawn', digest);
    await until('the event', async () =>
      (await objects.events('withdrawn')).some((event) => / is no longer in force, pods .* are refused: /.test(event)),
    );
  });

  it('are read with a pull secret, which the operator may read only if it was allowed to', async () => {
    const digest = await push('private', ['read'], { host: closed.host });
    const reference = `${closed.host}/private:stable`;
    await objects.follow('anonymous', { reference });
    const anonymous = await objects.reachCondition('anonymous', 'Ready False Unauthenticated');
    assert.match(
      messageOf(anonymous, 'Ready'),
      /Name a Secret of type kubernetes\.io\/dockerconfigjson in spec\.pullSecret/,
    );
    await objects.follow('private', { reference, pullSecret: { name: 'registry' } });
    const forbidden = await objects.reachCondition('private', 'Ready False PullSecretForbidden');
    assert.match(
      messageOf(forbidden, 'Ready'),
      /kubectl create rolebinding fairlead-pull-secrets --namespace=web --clusterrole=fairlead-pull-secrets --serviceaccount=fairlead-system:fairlead-operator$/,
    );
    const auth = Buffer.from(`${user.username}:${user.password}`).toString('base64');
    const config = Buffer.from(JSON.stringify({ auths: { [closed.host]: { auth } } })).toString('base64');
    const secret = (namespace: string) =>
      cluster.request('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'registry' },
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': config },
      });
    assert.equal((await secret('web')).status, 201);
    await cluster.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'fairlead-pull-secrets', namespace: 'web' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'fairlead-pull-secrets' },
      subjects: [{ kind: 'ServiceAccount', name: 'fairlead-operator', namespace: 'fairlead-system' }],
    });
    await askAgain('private');
    await reach('private', digest);
    assert.equal((await secret('fairlead-system')).status, 201);
    const created = await objects.create('ClusterProfileArtifact', 'private', {
      reference,
      pullSecret: { name: 'registry' },
    });
    assert.equal(created.status, 201, created.body.message);
    await objects.reach('ClusterProfileArtifact', 'private', ({ status }) => status?.digest === digest);
    assert.ok(!cluster.log.some((line) => line.includes(auth) || line.includes(user.password)), 'no secret is logged');
  });

  it('stay in force while the registry is down, or after the tag was deleted', async () => {
    const own = await startRegistry();
    let isRunning = true;
    await objects.merge('TrustPolicy', 'default', {
      spec: { rules: rules({ match: `${own.host}/**`, require: [{ key: pem(signer) }] }) },
    });
    try {
      const [down, deleted] = [await push('down', ['read'], { host: own.host }), await push('deleted', ['read'])];
      await objects.follow('down', track('down', own.host));
      await objects.follow('deleted', track('deleted'));
      await Promise.all([reach('down', down), reach('deleted', deleted)]);
      await own.stop();
      isRunning = false;
      const target = remoteRepository(parseReference(`${registry.host}/deleted:stable`));
      await target.delete(await target.resolve('stable'));
      await Promise.all(['down', 'deleted'].map(askAgain));
      const unavailable = await objects.reachCondition('down', 'UpToDate False Unavailable');
      const gone = await objects.reachCondition('deleted', 'UpToDate False NotFound');
      for (const [object, digest] of [
        [unavailable, down],
        [gone, deleted],
      ] as const) {
        assert.equal(object.status?.digest, digest);
        assert.ok(conditionsOf(object).includes('Ready True Verified'));
      }
    } finally {
      if (isRunning) await own.stop();
    }
  });

  it('may be attached to an image', async () => {
    const image = await push('image', ['execve']);
    const reference = { ...parseReference(`${registry.host}/image:profile`) };
    await objects.follow('image', { image: `${registry.host}/image@${image}` });
    const none = await objects.reachCondition('image', 'Ready False NotFound');
    assert.match(
      messageOf(none, 'Ready'),
      new RegExp(`--subject ${formatReference(parseReference(`${registry.host}/image@${image}`))}$`),
    );
    const digest = await push('image', ['read'], { reference, subject: image });
    await askAgain('image');
    await reach('image', digest);
  });

  it('are made for the images of workloads, for bindings that take the profile from the image', async () => {
    const image = await push('workload', ['execve']);
    const reference = parseReference(`${registry.host}/workload:profile`);
    const digest = await push('workload', ['read'], { reference, subject: image });
    const labels = { app: 'workload' };
    const binding = { profileFrom: 'ImageReferrers', podSelector: { matchLabels: labels } };
    assert.equal((await cluster.bind('by-image', binding)).status, 201);
    const spec = { containers: [{ name: 'app', image: `${registry.host}/workload@${image}` }] };
    const replicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'workload' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
    await followInFullNamespace(binding, replicaSet);
    const refused = await cluster.createPod('early', { labels, spec });
    assert.equal(refused.status, 503, refused.body.message);
    const created = await cluster.request('POST', '/apis/apps/v1/namespaces/web/replicasets', replicaSet);
    assert.equal(created.status, 201, created.body.message);
    await until('the pod is admitted', async () => (await cluster.createPod('bound', { labels, spec })).status === 201);
    const { spec: bound } = await cluster.pod('bound');
    assert.equal(
      bound.containers[0]?.securityContext?.seccompProfile?.localhostProfile,
      `oci/${registry.host}/workload@${digest}`,
    );
    const made = async () => {
      const path =
        '/apis/fairlead.dev/v1alpha1/namespaces/web/profileartifacts?labelSelector=fairlead.dev/made-for-binding';
      return ((await cluster.api.request('GET', path)).body as { readonly items: readonly unknown[] }).items.length;
    };
    assert.equal(await made(), 1);
    await cluster.unbind('by-image');
    await until('the object of the binding is deleted', async () => (await made()) === 0);
  });

  it('are refused at admission if they are invalid, and so is a trust policy', async () => {
    for (const [kind, name, spec, message] of [
      // The second is the rule of the definition, which API servers know that evaluate rules.
      [
        'ProfileArtifact',
        'bad',
        { reference: 'nginx:1.27' },
        /spec\.reference: .*(?:it names no registry|must be registry\/)/,
      ],
      ['ProfileArtifact', 'bad', {}, /must have either reference or image/],
      ['TrustPolicy', 'other', {}, /metadata\.name: "other" has no effect/],
    ] as const) {
      const { status, body } = await objects.create(kind, name, spec);
      assert.ok(status === 403 || status === 422, `${status}: ${body.message}`);
      assert.match(body.message ?? '', message);
    }
    const path = '/apis/fairlead.dev/v1alpha1/trustpolicies/default';
    const patch = { spec: { rules: [{ match: '**', require: [{ key: 'none' }] }] } };
    const { status, body } = await cluster.api.request('PATCH', path, patch, 'application/merge-patch+json');
    assert.equal(status, 403);
    assert.match(JSON.stringify(body), /spec\.rules\[0\]\.require\[0\]\.key: not a public key/);
  });
});
