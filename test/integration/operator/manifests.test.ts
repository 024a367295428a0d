import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Apiserver, apiserverMinor, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { run, runFairlead } from '#test/support/cli/run';

const image = 'registry.internal/fairlead:1.0.0';

describePeers([...apiserverRequirements, 'kubectl'], 'fairlead operator manifests', () => {
  let api: Apiserver;
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'fairlead-kubectl-'));
    api = await startApiserver();
  });
  after(async () => {
    await api.stop();
    await rm(home, { recursive: true });
  });

  async function apply(...options: string[]) {
    const { code, stdout, stderr } = await runFairlead(['operator', 'manifests', ...options]);
    assert.equal(code, 0, stderr);
    // As deploy/README.md states: 1.27 does not know all of the rules, and ignores them only so.
    const how = apiserverMinor() < 28 ? '--validate=false' : '--server-side';
    const command = ['--kubeconfig', api.kubeconfig, 'apply', how, '-f', '-'];
    // kubectl keeps a cache in the home directory.
    return run(peer('kubectl'), command, { input: withoutBudget(stdout), env: { HOME: home } });
  }

  /** Returns manifests without the PodDisruptionBudget if the server has no policy/v1. */
  function withoutBudget(manifests: string): string {
    if (apiserverMinor() > 20) return manifests;
    const documents = manifests.split('---\n');
    const kept = documents.filter((text) => !/^kind: PodDisruptionBudget$/m.test(text));
    assert.equal(kept.length, documents.length - 1);
    return kept.join('---\n');
  }

  it('prints what kubectl applies to an empty cluster, and again without a change', async () => {
    const first = await apply('--image', image);
    assert.equal(first.code, 0, first.stderr);
    const { body } = await api.request('GET', '/apis/apps/v1/namespaces/fairlead-system/deployments/fairlead-operator');
    const { metadata, spec } = body as {
      readonly metadata: { readonly generation: number };
      readonly spec: {
        readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
      };
    };
    assert.deepEqual(
      spec.template.spec.containers.map((each) => each.image),
      [image],
    );
    const second = await apply('--image', image);
    assert.equal(second.code, 0, second.stderr);
    const again = await api.request('GET', '/apis/apps/v1/namespaces/fairlead-system/deployments/fairlead-operator');
    assert.equal(
      (again.body as { readonly metadata: { readonly generation: number } }).metadata.generation,
      metadata.generation,
    );
  });
});

it('fairlead operator manifests prints each part as deploy/README.md asks for it', async () => {
  const kinds = async (...options: string[]) => {
    const { code, stdout, stderr } = await runFairlead(['operator', 'manifests', ...options]);
    assert.equal(code, 0, stderr);
    return { stdout, kinds: new Set(stdout.match(/(?<=^kind: ).+$/gm)) };
  };
  const installed = await kinds('--no-webhooks', '--image', image);
  assert.ok(installed.stdout.includes(`image: ${image}\n`));
  assert.ok(installed.kinds.has('CustomResourceDefinition') && installed.kinds.has('Deployment'));
  assert.ok(!installed.kinds.has('MutatingWebhookConfiguration'));
  assert.deepEqual(
    (await kinds('--webhooks')).kinds,
    new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']),
  );
  assert.deepEqual((await kinds('--crds')).kinds, new Set(['CustomResourceDefinition']));
});

it('fairlead operator manifests refuses what contradicts itself, and runs no operator', async () => {
  for (const [options, message] of [
    [['--crds', '--webhooks'], /--crds.*cannot be used with.*--webhooks/],
    [['--webhooks', '--image', image], /--webhooks.*cannot be used with.*--image/],
    [['--crds', '--image', image], /--crds.*cannot be used with.*--image/],
    [['--image', 'nginx'], /invalid reference "nginx"/],
    [['more'], /too many arguments|unexpected/i],
  ] as const) {
    const { code, stdout, stderr } = await runFairlead(['operator', 'manifests', ...options]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
  }
});
