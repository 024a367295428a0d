import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import type { Rule, TrustPolicy } from '../policy/policy.ts';
import { attachSignature } from '../sign/attach-signature.ts';
import { type KeySigner, keySigner } from '../sign/key-signer.ts';
import { explainDecision } from './explain-decision.ts';

const target = memoryRepository();
let signer: KeySigner;
let policy: TrustPolicy;
before(async () => {
  signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  const artifact = packArtifact({ kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } }, { layout: 'runtime' });
  await pushArtifact(target, artifact, undefined, 'v1');
  const reference = { registry: 'a.b', repository: 'c' };
  await attachSignature(target, { descriptor: artifact.descriptor, reference, signer, format: 'bundle' });
  const stranger = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  const ruleOf = (match: string, by: KeySigner): Rule => ({
    match,
    unsigned: false,
    require: [{ anyOf: [{ key: 'a.pub', publicKey: by.key.publicKey }] }],
  });
  policy = {
    source: 'policy.yaml',
    rules: [
      ruleOf('a.b/c', signer),
      ruleOf('a.b/strange', stranger),
      { match: 'a.b/dev/**', unsigned: true, require: [] },
    ],
    revision: 'r',
  };
});

const explain = (text: string, connect = () => target) =>
  explainDecision({ reference: parseReference(text), kind: 'Seccomp' }, { policy, connect });
const offline = () => assert.fail('the registry is not to be asked');

describe('explainDecision', () => {
  it('tells which signature met the rule', async () => {
    const { decision, found, refusal } = await explain('a.b/c:v1');
    assert.equal(refusal, undefined);
    assert.deepEqual(decision.steps, [{ rule: 'a.b/c', outcome: 'matches' }]);
    assert.equal(found?.signatures, 1);
    assert.equal(found?.examined[0]?.held[0]?.keyFingerprint, signer.key.publicKey.fingerprint);
  });

  it('tells which signature did not, and why', async () => {
    const { found, refusal } = await explain('a.b/strange:v1');
    assert.equal(refusal?.kind, 'SignatureInvalid');
    assert.equal(found?.examined[0]?.refused[0]?.reason, 'it was not made with this key');
  });

  it('asks no registry for what needs none', async () => {
    const denied = await explain('c.d/e:v1', offline);
    assert.equal(denied.refusal?.kind, 'NotAllowed');
    assert.deepEqual(
      denied.decision.steps.map(({ outcome }) => outcome),
      Array(3).fill('other repository'),
    );
    for (const allowed of ['a.b/c', 'a.b/dev/x:v1']) {
      const { found, refusal } = await explain(allowed, offline);
      assert.deepEqual([found, refusal], [undefined, undefined]);
    }
  });

  it('tells the rule where the registry is out of reach', async () => {
    const { decision, refusal } = await explain('a.b/c:v1', () => {
      throw new FairleadError('Unavailable', 'no network');
    });
    assert.equal(decision.rule?.match, 'a.b/c');
    assert.equal(refusal?.kind, 'Unavailable');
  });
});
