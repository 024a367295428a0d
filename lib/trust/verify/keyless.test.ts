import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import {
  accepts,
  artifact,
  bundled,
  identity,
  issuer,
  keylessRule,
  other,
  reference,
  refuses,
  rootOf,
  signedAs,
} from '#test/support/sigstore/keyless-signatures';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { loadPublicKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import type { LogUse } from '../roots/trusted-root.ts';
import type { ExpectedIdentity } from '../signature/identity.ts';
import { legacyPayload } from '../signature/legacy/legacy-payload.ts';
import type { Signature } from '../signature/signature.ts';
import { examineSignatures } from './examine-signatures.ts';
import { verifySignatures } from './verify-signatures.ts';

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

const ruleFor = (from = sigstore, wants: Parameters<typeof keylessRule>[1] = {}): Rule => keylessRule(from, wants);

describe('keyless signatures', () => {
  it('hold with the log, its promise of the time, and a timestamp, or with less where the rule asks for less', async () => {
    for (const [options, uses] of [
      [{}, ['required', 'optional']],
      [{ timestamped: true }, ['required', 'optional', 'off']],
      [{ timestamped: true, promised: false }, ['required', 'optional', 'off']],
      [{ timestamped: true, logged: false }, ['optional', 'off']],
    ] as const) {
      const signature = bundled(await sigstore.sign(artifact, { ...signedAs, ...options }));
      for (const use of ['required', 'optional', 'off'] as const) {
        const rule = ruleFor(sigstore, { use });
        if ((uses as readonly LogUse[]).includes(use)) accepts(signature, rule);
        else refuses(signature, rule, /it does not verify: expected 1 (tlog entries|timestamps), got 0/);
      }
    }
  });

  it('hold in the legacy form', async () => {
    const payload = legacyPayload(artifact, 'registry.example.com/security/nginx');
    for (const options of [{}, { timestamped: true }]) {
      const annotations = await sigstore.signLegacy(payload, { ...signedAs, ...options });
      accepts({ format: 'legacy', manifest: artifact.digest, payload, annotations }, ruleFor());
      const forOther = legacyPayload(other, 'registry.example.com/security/nginx');
      const moved: Signature = { format: 'legacy', manifest: artifact.digest, payload: forOther, annotations };
      refuses(moved, ruleFor(), /made for another artifact/);
    }
    const annotations = await sigstore.signLegacy(payload, { ...signedAs, logged: false, timestamped: true });
    accepts({ format: 'legacy', manifest: artifact.digest, payload, annotations }, ruleFor(sigstore, { use: 'off' }));
    for (const broken of ['dev.sigstore.cosign/bundle', 'dev.sigstore.cosign/certificate']) {
      const changed = { ...annotations, [broken]: '{' };
      refuses({ format: 'legacy', manifest: artifact.digest, payload, annotations: changed }, ruleFor(), /malformed/);
    }
  });

  it('are matched by claims', async () => {
    const claims = { repository: 'https://github.com/acme/profiles', ref: 'refs/heads/main', trigger: 'push' };
    const signature = bundled(await sigstore.sign(artifact, { ...signedAs, claims }));
    accepts(signature, ruleFor(sigstore, { keyless: { claims } }));
    accepts(signature, ruleFor(sigstore, { keyless: { claims: { trigger: 'push' } } }));
    const refusesClaim = (wanted: ExpectedIdentity['claims'], message: RegExp): void =>
      refuses(signature, ruleFor(sigstore, { keyless: { claims: wanted } }), message);
    refusesClaim({ trigger: 'pull_request' }, /trigger in its certificate is "push"/);
    refusesClaim({ ref: 'refs/heads/mai' }, /ref in its certificate is "refs\/heads\/main"/);
    refusesClaim({ runner: 'github-hosted' }, /certificate names no runner/);
  });

  it('hold when checked long after the certificate ended', async () => {
    const lastMonth = new Date(Date.now() - 30 * 86_400_000);
    const old = await privateSigstore({ certificateTime: lastMonth });
    accepts(bundled(await old.sign(artifact, signedAs)), ruleFor(old));
    accepts(bundled(await old.sign(artifact, { ...signedAs, promised: false, timestamped: true })), ruleFor(old));
  });

  it('cost little in a warm process', async () => {
    const signature = bundled(await sigstore.sign(artifact, { ...signedAs, timestamped: true }));
    const rule = ruleFor();
    for (let run = 0; run < 10; run++) accepts(signature, rule);
    const start = performance.now();
    for (let run = 0; run < 10; run++) accepts(signature, rule);
    assert.ok(performance.now() - start < 1000);
  });
});

describe('examineSignatures', () => {
  it('tells of each requirement what met it, with the log entry, and what did not and why', async () => {
    const stranger = bundled(await sigstore.sign(artifact, { ...signedAs, identity: 'https://evil.example' }));
    const json = await sigstore.sign(artifact, signedAs);
    const good = bundled(json);
    const wanted = `identity ${identity} from ${issuer}`;
    const refused = [
      { format: 'bundle', manifest: stranger.manifest, wanted, reason: 'it was made by "https://evil.example"' },
    ];
    assert.deepEqual(examineSignatures(artifact, reference, [stranger], ruleFor()), [
      { wanted: [wanted], threshold: 1, held: [], refused },
    ]);
    assert.deepEqual(examineSignatures(artifact, reference, [stranger, good], ruleFor()), [
      {
        wanted: [wanted],
        threshold: 1,
        held: [
          {
            format: 'bundle',
            manifest: good.manifest,
            certificate: { issuer, identity, claims: {} },
            logIndexes: [json.verificationMaterial.tlogEntries[0].logIndex],
            signedAt: new Date(Number(json.verificationMaterial.tlogEntries[0].integratedTime) * 1000).toISOString(),
          },
        ],
        refused,
      },
    ]);
  });
});

describe('the time of a signature', () => {
  it('is what a log entry with a promise, or a timestamp, states', async () => {
    const lastMonth = new Date(Date.now() - 30 * 24 * 3600 * 1000);
    const old = await privateSigstore({ certificateTime: lastMonth });
    const near = async (from: PrivateSigstore, options: object, use: LogUse, expected: number) => {
      const signature = bundled(await from.sign(artifact, { ...signedAs, ...options }));
      const [examined] = examineSignatures(artifact, reference, [signature], ruleFor(from, { use }));
      assert.equal(examined?.held.length, 1, examined?.refused[0]?.reason);
      const { signedAt = '' } = examined?.held[0] ?? {};
      assert.ok(Math.abs(Date.parse(signedAt) - expected) < 60_000, signedAt);
    };
    await near(sigstore, {}, 'required', Date.now());
    await near(old, { promised: false, timestamped: true }, 'required', lastMonth.getTime());
    await near(old, { logged: false, timestamped: true }, 'optional', lastMonth.getTime());
    await near(sigstore, { timestamped: true }, 'off', Date.now());
  });

  it('is unknown for a key whose log entries the rule ignores', async () => {
    const { privateKey, publicKey: spki } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = loadPublicKey(spki.export({ type: 'spki', format: 'pem' }).toString());
    const signature = bundled(await sigstore.signWithKey(artifact, privateKey));
    const by = (alternative: object): Rule => ({
      match: '**',
      unsigned: false,
      require: [{ anyOf: [{ key: 'a.pub', publicKey, ...alternative }] }],
    });
    const held = (rule: Rule) => examineSignatures(artifact, reference, [signature], rule)[0]?.held[0];
    assert.equal(held(by({}))?.keyFingerprint, publicKey.fingerprint);
    assert.equal(held(by({}))?.signedAt, undefined);
    const logged = held(by({ log: { use: 'required', root: rootOf(sigstore.trustedRoot) } }));
    assert.ok(Math.abs(Date.parse(logged?.signedAt ?? '') - Date.now()) < 60_000);
  });
});

describe('a key and the log together', () => {
  it('hold where the entry is there and good', async () => {
    const { privateKey, publicKey: spki } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = loadPublicKey(spki.export({ type: 'spki', format: 'pem' }).toString());
    const rule = (use: 'required' | 'optional', from = sigstore): Rule => ({
      match: '**',
      unsigned: false,
      require: [{ anyOf: [{ key: 'a.pub', publicKey, log: { use, root: rootOf(from.trustedRoot) } }] }],
    });
    const logged = await sigstore.signWithKey(artifact, privateKey);
    const unlogged = structuredClone(logged);
    unlogged.verificationMaterial.tlogEntries = [];
    const verified = verifySignatures(artifact, reference, [bundled(logged)], rule('required'));
    assert.equal(verified.signatures[0]?.keyFingerprint, publicKey.fingerprint);
    verifySignatures(artifact, reference, [bundled(logged)], rule('optional'));
    verifySignatures(artifact, reference, [bundled(unlogged)], rule('optional'));
    refuses(bundled(unlogged), rule('required'), /expected 1 tlog entries, got 0/);
    const foreign = await privateSigstore();
    for (const use of ['required', 'optional'] as const)
      refuses(bundled(logged), rule(use, foreign), /does not verify/);
  });
});

describe('readTrustedRoot', () => {
  it('refuses what is not a trusted root, and logs without a start of validity', () => {
    const invalid = (bytes: string, message: RegExp): void =>
      assert.throws(
        () => readTrustedRoot(Buffer.from(bytes)),
        (error) => error instanceof FairleadError && error.kind === 'InvalidInput' && message.test(error.message),
      );
    invalid('{', /not a Sigstore trusted root/);
    invalid('{}', /media type/);
    invalid('null', /not a Sigstore trusted root/);
    for (const part of ['tlogs', 'ctlogs'] as const) {
      const [one] = structuredClone(sigstore.trustedRoot[part]) as [{ publicKey: { validFor?: object } }];
      delete one.publicKey.validFor;
      invalid(JSON.stringify({ ...sigstore.trustedRoot, [part]: [one] }), /no start of validity/);
    }
  });
});
