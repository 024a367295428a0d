import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pullLimits } from '#lib/node/pull/pull-limiter';
import { failureMemory } from '#lib/node/pull/registry-failures';
import { openPolicy, PullingNode } from '#test/support/cri/pulling-node';
import { denyChmod, packText } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';

const artifacts = Array.from({ length: 20 }, (_, number) => packText(denyChmod, `${number}.json`));

describe('a registry that accepts connections and never answers', () => {
  let registry: ServingRegistry;
  let node: PullingNode;
  let now: number;
  const reference = (number: number) => `${registry.host}/team/a@${artifacts[number]?.descriptor.digest}`;
  const clock = () => now;
  beforeEach(async () => {
    now = 0;
    registry = await new ServingRegistry().start();
    for (const artifact of artifacts) registry.add('team/a', artifact);
  });
  afterEach(async () => {
    await node.stop();
    await registry.stop();
  });

  it('is given up after two answers that did not come', async () => {
    node = await PullingNode.start(openPolicy(), { timeouts: { headers: 200 }, clock });
    registry.silent = true;
    const refused = { kind: 'Unavailable', message: /no answer within 0\.2 s, 2 times/ };
    await assert.rejects(node.pull(reference(0)), refused);
    assert.equal(registry.requests.length, 2);
  });

  it('holds a pull no longer than its budget, whatever it waits for', async () => {
    node = await PullingNode.start(openPolicy(), { pullTime: 300, clock });
    registry.silent = true;
    const refused = { kind: 'Unavailable', message: /the pull of .* took longer than 0\.3 s/ };
    // More than the limiter lets ask at the same time: the others wait for their turn.
    const pulls = artifacts.map((_, number) => node.pull(reference(number)));
    await Promise.all(pulls.map((pull) => assert.rejects(pull, refused)));
  });

  it('holds no pull longer than its budget by a credential provider that does not answer, either', async () => {
    const providers = () => new Promise<undefined>(() => undefined);
    node = await PullingNode.start(openPolicy(), { pullTime: 300, clock, providers });
    await assert.rejects(node.pull(reference(0)), { kind: 'Unavailable', message: /took longer than 0\.3 s/ });
    assert.deepEqual(registry.requests, []);
  });

  it('is asked by one pull in some seconds, not by that of every pod, and for no longer', async () => {
    node = await PullingNode.start(openPolicy(), { timeouts: { headers: 200 }, clock });
    registry.silent = true;
    await assert.rejects(node.pull(reference(0)), { kind: 'Unavailable' });
    const asked = registry.requests.length;
    registry.silent = false;
    now = failureMemory - 1;
    const message = /was unavailable and is asked again in 1 s: .*no answer/;
    for (const number of [0, 1]) await assert.rejects(node.pull(reference(number)), { kind: 'Unavailable', message });
    assert.equal(registry.requests.length, asked);
    // A refusal from memory does not make the memory last longer.
    now = failureMemory;
    assert.equal((await node.pull(reference(1))).cached, false);
    assert.equal((await node.pull(reference(0))).cached, false);
  });

  it('is not asked by pulls that waited for their turn while it failed', async () => {
    node = await PullingNode.start(openPolicy(), { timeouts: { headers: 200 }, clock });
    registry.silent = true;
    const pulls = artifacts.map((_, number) => assert.rejects(node.pull(reference(number)), { kind: 'Unavailable' }));
    await Promise.all(pulls);
    const asked = new Set(registry.requests);
    assert.equal(asked.size, pullLimits.pulls.share, [...asked].join());
  });

  it('is asked again at once after a change of the policy', async () => {
    node = await PullingNode.start(openPolicy(), { timeouts: { headers: 200 }, clock });
    registry.silent = true;
    await assert.rejects(node.pull(reference(0)), { kind: 'Unavailable' });
    registry.silent = false;
    node.policy = openPolicy({ revision: 'changed' });
    assert.equal((await node.pull(reference(0))).cached, false);
  });

  it('does not keep what is on the node from any pod', async () => {
    node = await PullingNode.start(openPolicy(), { timeouts: { headers: 200 }, clock });
    await node.pull(reference(0));
    registry.silent = true;
    await assert.rejects(node.pull(reference(1)), { kind: 'Unavailable' });
    assert.equal((await node.pull(reference(0))).cached, true);
  });

  it('is no failure of the registry if the caller goes away', async () => {
    node = await PullingNode.start(openPolicy(), { clock });
    registry.silent = true;
    const leaving = new AbortController();
    const asked = registry.nextSilence();
    const pull = node.pull(reference(0), { signal: leaving.signal });
    await asked;
    leaving.abort();
    await assert.rejects(pull, { name: 'AbortError' });
    registry.silent = false;
    assert.equal((await node.pull(reference(0))).cached, false);
  });
});

describe('a thousand pulls of a hundred artifacts at the same time', () => {
  const hundred = Array.from({ length: 100 }, (_, number) => packText(denyChmod, `of-a-hundred-${number}.json`));

  it('fetch each once', async () => {
    const registry = await new ServingRegistry().start();
    for (const artifact of hundred) registry.add('team/a', artifact);
    const node = await PullingNode.start();
    try {
      const references = hundred.map(({ descriptor }) => `${registry.host}/team/a@${descriptor.digest}`);
      const pulls = Array.from({ length: 1000 }, (_, number) => node.pull(references[number % 100] as string));
      const pulled = await Promise.all(pulls);
      assert.deepEqual(
        pulled.map(({ descriptor }) => descriptor.digest),
        Array.from({ length: 1000 }, (_, number) => hundred[number % 100]?.descriptor.digest),
      );
      const wanted = hundred.flatMap(({ descriptor }) => [
        `GET manifests ${descriptor.digest}`,
        // All have the same layer: its title is in the manifest.
        `GET blobs ${hundred[0]?.blobs[1]?.descriptor.digest}`,
      ]);
      assert.deepEqual(registry.requests.toSorted(), wanted.toSorted());
    } finally {
      await node.stop();
      await registry.stop();
    }
  });
});
