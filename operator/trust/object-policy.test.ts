import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadPublicKey } from '#lib/trust/keys/key';
import { signer, stranger } from '#test/support/publication';
import { privateSigstore } from '#test/support/sigstore/private-sigstore';
import type { TrustPolicySpec } from './inline-policy.ts';
import { objectPolicy } from './object-policy.ts';

const pem = (key: typeof signer.key) => key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();
const [one, other] = [pem(signer.key), pem(stranger.key)];
const match = 'registry.example.com/**';

describe('the policy of a TrustPolicy object', () => {
  it('has the rules and keys of the object, which are named by their fingerprints', async () => {
    const { rules, source } = await objectPolicy({
      rules: [
        { match: 'registry.example.com/open', unsigned: true },
        { match, unsigned: false, require: [{ anyOf: [{ key: one }, { key: other }], threshold: 2 }] },
        { match: '**', require: [{ key: one }], attestations: [{ type: 'slsaprovenance1', by: { key: other } }] },
      ],
    });
    assert.equal(source, 'TrustPolicy default');
    const key = (text: string) => {
      const publicKey = loadPublicKey(text);
      return { key: publicKey.fingerprint, publicKey };
    };
    assert.deepEqual(
      rules.map(({ unsigned, require, attestations, position }) => [
        position,
        unsigned,
        require,
        attestations?.[0]?.by,
      ]),
      [
        ['spec.rules[0]', true, [], undefined],
        [
          'spec.rules[1]',
          false,
          [
            {
              anyOf: [key(one), key(other)],
              threshold: 2,
            },
          ],
          undefined,
        ],
        ['spec.rules[2]', false, [{ anyOf: [key(one)] }], { anyOf: [key(other)] }],
      ],
    );
  });

  it('has the trusted root of the object', async () => {
    const { trustedRoot } = await privateSigstore();
    const keyless = { issuer: 'https://issuer.example', identity: 'https://example.com/signer' };
    const { rules } = await objectPolicy({
      rules: [{ match, require: [{ keyless }] }],
      trustedRoot: { json: JSON.stringify(trustedRoot) },
    });
    assert.equal(rules[0]?.require[0]?.anyOf[0]?.log?.use, 'required');
  });

  it('has another revision if and only if the specification differs', async () => {
    const specs: TrustPolicySpec[] = [
      {},
      { rules: [{ match, require: [{ key: one }] }] },
      { rules: [{ match, require: [{ key: other }] }] },
      { rules: [{ match: '**', require: [{ key: one }] }] },
    ];
    const revisions = async () => (await Promise.all(specs.map(objectPolicy))).map(({ revision }) => revision);
    const first = await revisions();
    assert.equal(new Set(first).size, specs.length);
    assert.deepEqual(await revisions(), first);
  });

  it('is refused with the field at fault', async () => {
    const faults: readonly (readonly [TrustPolicySpec, RegExp])[] = [
      [{ rules: [{ match, require: [{ key: 'none' }] }] }, /^spec\.rules\[0\]\.require\[0\]\.key: not a public key/],
      [{ rules: [{ match: 'a', unsigned: true }] }, /^spec\.rules\[0\]\.match: invalid match "a"/],
      [{ rules: [{ match }] }, /^spec\.rules\[0\]: rule without requirements/],
      [{ rules: [{ match, unsigned: true, require: [{ key: one }] }] }, /^spec\.rules\[0\]\.unsigned: /],
      [{ trustedRoot: { json: '{}' } }, /^spec\.trustedRoot\.json: not a Sigstore trusted root/],
    ];
    for (const [spec, message] of faults) await assert.rejects(objectPolicy(spec), { kind: 'InvalidInput', message });
  });
});
