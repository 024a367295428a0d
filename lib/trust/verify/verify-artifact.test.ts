import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import { attachSignature } from '../sign/attach-signature.ts';
import { keySigner } from '../sign/key-signer.ts';
import { explainDecision } from './explain-decision.ts';
import { verifyArtifact } from './verify-artifact.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifact = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);
const { descriptor } = artifact;
const reference = parseReference(`registry.example.com/security/nginx@${descriptor.digest}`);

/** An artifact whose list of referrers is broken, signed in these forms. */
async function broken(...formats: readonly ('bundle' | 'legacy')[]) {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  for (const format of formats) await attachSignature(target, { descriptor, reference, signer, format });
  const require = [{ anyOf: [{ key: 'release.pub', publicKey: signer.key.publicKey }] }];
  const rule: Rule = { match: '**', unsigned: false, require };
  const referrers = async (): Promise<never> => {
    throw new FairleadError('InvalidInput', 'a:sha256-0: is not a list of referrers');
  };
  return { target: { ...target, referrers }, rule };
}

describe('an artifact whose list of referrers is broken', () => {
  it('is good by a signature in the other form', async () => {
    const { target, rule } = await broken('bundle', 'legacy');
    const { verification } = await verifyArtifact(target, { descriptor, reference, rule });
    assert.deepEqual(
      verification.signatures.map(({ format }) => format),
      ['legacy'],
    );
  });

  it('is refused without one, and the refusal and its explanation say what was skipped', async () => {
    const { target, rule } = await broken('bundle');
    const expected = {
      kind: 'SignatureInvalid',
      message: /has no signature that can be read; .*\n {2}skipped: a:sha256-0: is not a list of referrers$/,
      hint: /Sign it/,
    };
    await assert.rejects(verifyArtifact(target, { descriptor, reference, rule }), expected);
    const policy = {
      source: 'policy.yaml',
      rules: [rule],
      revision: '',
    };
    const { refusal } = await explainDecision({ reference, kind: 'Seccomp' }, { policy, connect: () => target });
    assert.throws(() => {
      throw refusal;
    }, expected);
  });
});
