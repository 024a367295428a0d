import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  artifact,
  bundled,
  identity,
  keylessRule,
  other,
  reference,
  refuses,
  rootOf,
  signedAs,
} from '#test/support/sigstore/keyless-signatures';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { loadPublicKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import type { Signature } from '../signature/signature.ts';
import { examineSignatures } from './examine-signatures.ts';
import { verifySignatures } from './verify-signatures.ts';

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

const ruleFor = (from = sigstore, wants: Parameters<typeof keylessRule>[1] = {}): Rule => keylessRule(from, wants);

describe('many signatures of strangers', () => {
  const strangers = (count: number, make: () => Promise<BundleJson>): Promise<Signature[]> =>
    Promise.all(Array.from({ length: count }, async () => bundled(await make())));

  it('cost little, however good they are and whatever the rule asks for', async () => {
    const good = bundled(await sigstore.sign(artifact, signedAs));
    const signatures = await strangers(64, () =>
      sigstore.sign(artifact, { ...signedAs, identity: 'https://evil.example' }),
    );
    const [requirement] = ruleFor().require;
    assert.ok(requirement);
    const wanted = Array.from({ length: 16 }, () => requirement);
    const started = process.cpuUsage();
    verifySignatures(artifact, reference, [...signatures, good], { ...ruleFor(), require: wanted });
    const { user } = process.cpuUsage(started);
    // A whole verification of each for each requirement would be a thousand, some milliseconds
    // each.
    assert.ok(user < 1_500_000, `${user} us`);
  });

  it('cost little where they are others of the same signer, or his without being good', async () => {
    const good = await sigstore.sign(artifact, { ...signedAs, timestamped: true });
    const ofOther = await sigstore.sign(other, { ...signedAs, timestamped: true });
    const broken = structuredClone(good);
    broken.dsseEnvelope.signatures[0].sig = Buffer.alloc(70, 1).toString('base64');
    refuses(bundled(broken), ruleFor(), /not made with the key of its certificate/);
    const byAnother = bundled(
      await sigstore.sign(artifact, { ...signedAs, identity: identity.replace('publish', 'review') }),
    );
    const [{ anyOf: [alternative] = [] } = {}] = ruleFor(sigstore, {
      keyless: { identity: { pattern: '**' } },
    }).require;
    assert.ok(alternative);
    const two: Rule = { match: '**', unsigned: false, require: [{ anyOf: [alternative], threshold: 2 }] };
    // Good ones of a signer that is counted already are looked at no more than the others.
    const copies = [ofOther, broken, good].flatMap((json) => Array.from({ length: 100 }, () => bundled(json)));
    const started = process.cpuUsage();
    verifySignatures(artifact, reference, [...copies, byAnother], two);
    const { user } = process.cpuUsage(started);
    // A whole verification of each would take some seconds.
    assert.ok(user < 700_000, `${user} us`);
  });

  it('may be copies of a good one with something wrong about them, and are not tried without end', async () => {
    const { privateKey, publicKey: spki } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = loadPublicKey(spki.export({ type: 'spki', format: 'pem' }).toString());
    const log = { use: 'required', root: rootOf(sigstore.trustedRoot) } as const;
    const rule: Rule = { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey, log }] }] };
    const good = await sigstore.signWithKey(artifact, privateKey);
    const broken = structuredClone(good);
    broken.verificationMaterial.tlogEntries[0].integratedTime = '1';
    const among = (count: number): Signature[] => [
      ...Array.from({ length: count }, () => bundled(broken)),
      bundled(good),
    ];
    verifySignatures(artifact, reference, among(255), rule);
    assert.throws(() => verifySignatures(artifact, reference, among(256), rule), { kind: 'SignatureInvalid' });
    const [{ refused = [] } = {}] = examineSignatures(artifact, reference, among(256), rule);
    assert.match(refused.at(-1)?.reason ?? '', /256 others in the name of this signer were verified/);
  });

  it('may not hold hundreds of timestamps or log entries', async () => {
    const { verificationMaterial, ...rest } = await sigstore.sign(artifact, { ...signedAs, timestamped: true });
    const times = verificationMaterial.timestampVerificationData.rfc3161Timestamps;
    const entries = verificationMaterial.tlogEntries;
    for (const more of [
      { timestampVerificationData: { rfc3161Timestamps: Array.from({ length: 9 }, () => times[0]) } },
      { tlogEntries: Array.from({ length: 9 }, () => entries[0]) },
    ]) {
      const bundle = { ...rest, verificationMaterial: { ...verificationMaterial, ...more } };
      refuses(bundled(bundle), ruleFor(), /more than 8 log entries or timestamps/);
    }
  });
});
