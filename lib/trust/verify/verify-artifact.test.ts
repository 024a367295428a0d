import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
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

const newSigner = async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));

/** An artifact that is signed in these forms, and the rule that asks for its signer. */
async function signed(...formats: readonly ('bundle' | 'legacy')[]) {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  const signer = await newSigner();
  for (const format of formats) await attachSignature(target, { descriptor, reference, signer, format });
  const require = [{ anyOf: [{ key: 'release.pub', publicKey: signer.key.publicKey }] }];
  const rule: Rule = { match: '**', unsigned: false, require };
  return { target, rule };
}

/** The same, with a list of referrers that is broken. */
async function broken(...formats: readonly ('bundle' | 'legacy')[]) {
  const { target, rule } = await signed(...formats);
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

describe('the legacy tag of an artifact', () => {
  /** Verifies, and returns the formats that met the rule and the tags that were looked up. */
  async function verify(target: ReadTarget, rule: Rule) {
    const tags: string[] = [];
    const counted: ReadTarget = {
      ...target,
      resolve: (tagOrDigest, options) => {
        tags.push(tagOrDigest);
        return target.resolve(tagOrDigest, options);
      },
    };
    const { verification } = await verifyArtifact(counted, { descriptor, reference, rule });
    return { formats: verification.signatures.map(({ format }) => format), tags };
  }
  const tag = `${descriptor.digest.replace(':', '-')}.sig`;

  it('is not looked up if the referrers meet the rule', async () => {
    const { target, rule } = await signed('bundle', 'legacy');
    assert.deepEqual(await verify(target, rule), { formats: ['bundle'], tags: [] });
  });

  it('is looked up if they do not: if no referrer is a signature, or by others, or fewer than the rule requires', async () => {
    const { target, rule } = await signed('legacy');
    assert.deepEqual(await verify(target, rule), { formats: ['legacy'], tags: [tag] });
    const stranger = await newSigner();
    await attachSignature(target, { descriptor, reference, signer: stranger, format: 'bundle' });
    assert.deepEqual(await verify(target, rule), { formats: ['legacy'], tags: [tag] });
    const both: Rule = {
      ...rule,
      require: [...rule.require, { anyOf: [{ key: 'other.pub', publicKey: stranger.key.publicKey }] }],
    };
    const { formats, tags } = await verify(target, both);
    assert.deepEqual([formats.toSorted(), tags], [['bundle', 'legacy'], [tag]]);
  });
});
