import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { AuthConfig } from '#lib/registry/credentials/credentials';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { VerifyCredentials } from '#lib/trust/policy/node-policy';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { openPolicy, PullingNode } from '#test/support/cri/pulling-node';
import { denyChmod, packText } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';

const artifact = packText(denyChmod);
const { digest } = artifact.descriptor;
const alice: AuthConfig = { username: 'alice', password: 'a' };
const bob: AuthConfig = { username: 'bob', password: 'b' };
const mallory: AuthConfig = { username: 'mallory', password: 'guessed' };
const head = `HEAD manifests ${digest}`;

describe('verifyCredentials', () => {
  let registry: ServingRegistry;
  let node: PullingNode;
  let reference: string;
  beforeEach(async () => {
    registry = await new ServingRegistry().start();
    registry.users = { alice: 'a', bob: 'b' };
    registry.add('team/a', artifact);
    reference = `${registry.host}/team/a@${digest}`;
  });
  afterEach(async () => {
    await node.stop();
    await registry.stop();
  });
  const start = async (verifyCredentials?: VerifyCredentials) => {
    node = await PullingNode.start(openPolicy(verifyCredentials && { verifyCredentials }));
  };
  /** The requests of one pull, and whether it was cached. */
  const pull = async (auth?: AuthConfig, name = reference) => {
    const before = registry.requests.length;
    const { cached } = await node.pull(name, { auth });
    return { cached, requests: registry.requests.slice(before) };
  };
  const inCache = { cached: true, requests: [] };
  const asked = { cached: false, requests: [head] };

  it('cached, the default: asks once for each caller, also after a restart, and refuses those that may not', async () => {
    await start();
    assert.equal((await pull(alice)).cached, false);
    assert.deepEqual(await pull(alice), inCache);
    await assert.rejects(pull(), { kind: 'Unauthenticated' });
    await assert.rejects(pull(mallory), { kind: 'Unauthenticated' });
    assert.deepEqual(await pull(bob), asked);
    await node.restart();
    for (const auth of [alice, bob]) assert.deepEqual(await pull(auth), inCache);
    await assert.rejects(pull(mallory), { kind: 'Unauthenticated' });
    // A caller with a new password is another one, and none may come in while the registry is down.
    registry.users = { alice: 'new' };
    assert.deepEqual(await pull({ username: 'alice', password: 'new' }), asked);
    const { host } = registry;
    await registry.stop();
    assert.deepEqual(await pull(alice), inCache);
    await assert.rejects(pull(mallory), { kind: 'Unavailable', message: new RegExp(host) });
    registry = await new ServingRegistry().start();
  });

  it('cached: what the node pulled without credentials is not that of those who have some, and vice versa', async () => {
    await start();
    registry.users = undefined;
    assert.equal((await pull()).cached, false);
    assert.deepEqual(await pull(), inCache);
    assert.deepEqual(await pull(alice), asked);
    assert.deepEqual(await pull(alice), inCache);
  });

  it('cached: asks for each repository of an artifact, and fetches nothing again', async () => {
    await start();
    registry.add('team/b', artifact);
    await pull(alice);
    const other = reference.replace('team/a', 'team/b');
    assert.deepEqual(await pull(alice, other), asked);
    assert.deepEqual(await pull(alice, other), inCache);
    const third = reference.replace('team/a', 'team/c');
    await assert.rejects(pull(alice, third), { kind: 'NotFound' });
  });

  it('cached: does not give a caller the result of a joined pull of another caller', async () => {
    await start();
    const [first, second] = await Promise.allSettled([pull(alice), pull(mallory)]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected' && second.reason.kind === 'Unauthenticated');
  });

  it('cached: looks for signatures in the repository itself, whatever the node has from others', async () => {
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const require = [{ anyOf: [{ key: 'release.pub', publicKey: signer.key.publicKey }] }];
    node = await PullingNode.start(openPolicy({ rules: [{ match: '**', unsigned: false, require }] }));
    registry.add('team/a', packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer)));
    registry.add('team/b', artifact);
    await pull(alice);
    const other = reference.replace('team/a', 'team/b');
    await assert.rejects(pull(alice, other), { kind: 'SignatureInvalid' });
    await registry.stop();
    await assert.rejects(pull(alice, other), { kind: 'Unavailable' });
    registry = await new ServingRegistry().start();
  });

  it('cached: a container whose Localhost profile names it gets it by the credentials of the node', async () => {
    await start();
    await pull(alice);
    // As for a Localhost reference, and for type OCI, which the kubelet has pulled.
    await assert.rejects(node.pull(reference, { anew: false }), { kind: 'Unauthenticated' });
    assert.equal((await node.pull(reference, { anew: false, admitted: true })).cached, true);
    // That it was given to one container by the kubelet's word gives it to no other.
    await assert.rejects(node.pull(reference, { anew: false }), { kind: 'Unauthenticated' });
  });

  it('cached: what the node fetched for a container is that of the node', async () => {
    await start();
    registry.users = undefined;
    assert.equal((await node.pull(reference, { anew: false, admitted: true })).cached, false);
    assert.deepEqual(await pull(), inCache);
  });

  it('always: asks with each call, and refuses a caller whose access has ended', async () => {
    await start('always');
    assert.equal((await pull(alice)).cached, false);
    for (let time = 0; time < 2; time++) assert.deepEqual(await pull(alice), asked);
    registry.users = { bob: 'b' };
    await assert.rejects(pull(alice), { kind: 'Unauthenticated' });
  });

  it('never: leaves it to the policy', async () => {
    await start('never');
    await pull(alice);
    for (const auth of [undefined, bob, mallory]) assert.deepEqual(await pull(auth), inCache);
    node.policy = openPolicy({ rules: [], revision: 'closed' });
    await assert.rejects(pull(alice), { kind: 'NotAllowed' });
  });

  it('does not write passwords, nor hashes that can be guessed without the key of the store', async () => {
    await start();
    await pull(alice);
    const [record] = await node.store.list();
    const [caller = ''] = record?.pulls[0]?.callers ?? [];
    assert.match(caller, /^[0-9a-f]{64}$/);
    const other = await PullingNode.start();
    await other.pull(reference, { auth: alice });
    assert.notEqual((await other.store.list())[0]?.pulls[0]?.callers[0], caller);
    await other.stop();
  });

  it('the pull call reads and validates what is stored with every call, and repairs it', async () => {
    await start();
    await pull(alice);
    const layer = artifact.blobs[1]?.descriptor.digest ?? '';
    await writeFile(node.blob(layer), 'damaged');
    const { cached, requests } = await pull(alice);
    assert.equal(cached, false);
    assert.ok(requests.includes(`GET blobs ${layer}`));
    assert.deepEqual(await pull(alice), inCache);
  });
});
