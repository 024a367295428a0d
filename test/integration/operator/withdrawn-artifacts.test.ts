import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Digest } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import { remoteRepository } from '#lib/registry/remote/repository';
import { publish } from '#services/push/publish';
import { apiserverRequirements } from '#test/peers/apiserver';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { ArtifactObjects, conditionsOf, messageOf } from '#test/support/operator/artifact-objects';
import { OperatorCluster } from '#test/support/operator-cluster';
import { allowing, common, signer, stranger } from '#test/support/publication';

const pem = ({ key }: typeof signer): string => key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();

describePeers([...apiserverRequirements, 'docker-registry'], 'artifacts that a trust policy withdraws', () => {
  let cluster: OperatorCluster;
  let objects: ArtifactObjects;
  let registry: Registry;

  before(async () => {
    [cluster, registry] = await Promise.all([OperatorCluster.start(), startRegistry()]);
    objects = new ArtifactObjects(cluster);
    await objects.add('TrustPolicy', 'default', { rules: rules(signer) });
  });
  after(async () => {
    await cluster?.stop();
    await registry?.stop();
  });

  const rules = (by: typeof signer) => [{ match: `${registry.host}/**`, require: [{ key: pem(by) }] }];
  const require = (by: typeof signer) => objects.merge('TrustPolicy', 'default', { spec: { rules: rules(by) } });
  const push = async (repository: string, names: readonly string[], by = signer): Promise<Digest> => {
    const reference = parseReference(`${registry.host}/${repository}:stable`);
    const target = remoteRepository(reference);
    const published = await publish(allowing(...names), { reference }, { ...common, signer: by, target });
    return published.reference.digest;
  };
  const follow = async (name: string, digest: Digest): Promise<void> => {
    await objects.follow(name, { reference: `${registry.host}/${name}:stable`, update: { policy: 'Track' } });
    await objects.reach('ProfileArtifact', name, ({ status }) => status?.digest === digest);
  };
  /** Makes the operator ask the registry again at once, as after the interval. */
  let seconds = 600;
  const askAgain = (name: string) =>
    objects.merge('ProfileArtifact', name, { spec: { update: { interval: `${++seconds}s` } } });

  it('are not replaced by a looser digest when the policy allows them again', async () => {
    const first = await push('returned', ['read']);
    await follow('returned', first);
    const looser = await push('returned', ['read', 'ptrace']);
    await askAgain('returned');
    await objects.reachCondition('returned', 'UpToDate False LooserReplacement');
    await require(stranger);
    const withdrawn = await objects.reachCondition('returned', 'Ready False SignatureInvalid');
    assert.equal(withdrawn.status?.withdrawn?.digest, first);
    const signed = await push('returned', ['read', 'mount'], stranger);
    await askAgain('returned');
    const withheld = await objects.reachCondition('returned', 'Ready False NotComparable');
    assert.equal(withheld.status?.refused?.digest, signed);
    assert.match(
      messageOf(withheld, 'Ready'),
      /cannot be compared with sha256:\S+, which was in force last: .*allowLooser: true/,
    );
    const target = remoteRepository(parseReference(`${registry.host}/returned:stable`));
    await target.tag(await target.resolve(looser), 'stable');
    await require(signer);
    const returned = await objects.reachCondition('returned', 'UpToDate False LooserReplacement');
    assert.equal(returned.status?.digest, first);
    assert.equal(returned.status?.refused?.digest, looser);
    assert.ok(conditionsOf(returned).includes('Ready True Verified'));
  });

  it('are named in a few words in lists, and with the pods that run under them', async () => {
    await follow('shown', await push('shown', ['read']));
    const artifactRef = { kind: 'ProfileArtifact', name: 'shown' };
    const labels = { app: 'shown' };
    assert.equal((await cluster.bind('shown', { artifactRef, podSelector: { matchLabels: labels } })).status, 201);
    assert.equal((await cluster.createPod('under', { labels })).status, 201);
    assert.equal((await cluster.patchPod('under', { status: { phase: 'Running' } }, '/status')).status, 200);
    await require(stranger);
    await objects.reachCondition('shown', 'Ready False SignatureInvalid');
    const shown = async (...words: string[]) =>
      succeeded(await runFairlead(['cluster', ...words, '-n', 'web', '--kubeconfig', cluster.api.kubeconfig]));
    const what = 'the trust policy no longer allows the artifact of ProfileArtifact "web/shown"';
    const [line = ''] = (await shown('bindings')).split('\n').filter((each) => each.includes('/shown '));
    assert.ok(line.endsWith(`   ${what}`), line);
    const why = await shown('why', 'under');
    assert.ok(why.includes(`${what}: no signature of ${registry.host}/shown@`), why);
    assert.doesNotMatch(why, /\\u\{a\}|Retry in/);
    assert.match(why, /\n {2}withdrawn {4}the trust policy no longer allows what it runs under\n/);
    assert.match(
      await shown('outdated'),
      /^# Pod web\/under: 1 pod under an artifact that the trust policy no longer allows, of shown\n# new pods are refused/,
    );
    const { status, body } = await cluster.createPod('refused', { labels });
    assert.equal(status, 503, body.message);
    assert.match(body.message ?? '', /no longer allows .* Let the TrustPolicy allow it again/);
  });
});
