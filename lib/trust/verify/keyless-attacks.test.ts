import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  artifact,
  bundled,
  identity,
  issuer,
  keylessRule,
  other,
  refuses,
  rootOf,
  signedAs,
} from '#test/support/sigstore/keyless-signatures';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { loadPublicKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import { legacyPayload } from '../signature/legacy/legacy-payload.ts';
import type { Signature } from '../signature/signature.ts';

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

const ruleFor = (from = sigstore, wants: Parameters<typeof keylessRule>[1] = {}): Rule => keylessRule(from, wants);

function certificatePem({ verificationMaterial }: BundleJson): string {
  return new X509Certificate(Buffer.from(verificationMaterial.certificate.rawBytes, 'base64')).toString();
}

describe('an attack on a keyless signature is refused:', () => {
  const attacks: [string, RegExp, () => Promise<BundleJson>][] = [
    [
      'another issuer',
      /from issuer "https:\/\/evil\.example"/,
      () => sigstore.sign(artifact, { ...signedAs, issuer: 'https://evil.example' }),
    ],
    [
      'an issuer that starts alike',
      /from issuer/,
      () => sigstore.sign(artifact, { ...signedAs, issuer: `${issuer}.evil.example` }),
    ],
    [
      'an identity with something before it',
      /it was made by "x/,
      () => sigstore.sign(artifact, { ...signedAs, identity: `x${identity}` }),
    ],
    [
      'an identity with something after it',
      /it was made by/,
      () => sigstore.sign(artifact, { ...signedAs, identity: `${identity}2` }),
    ],
    [
      'an identity that only a pattern would take',
      /it was made by/,
      () => sigstore.sign(artifact, { ...signedAs, identity: identity.replace('.yml', 'xyml') }),
    ],
    [
      'a certificate that no log of certificates has seen',
      /expected 1 SCTs, got 0/,
      () => sigstore.sign(artifact, { ...signedAs, certificateLogged: false }),
    ],
    [
      'a certificate that is for something else than signing code',
      /not for signing code/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const der = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
        // id-kp-codeSigning becomes id-kp-clientAuth.
        const use = der.indexOf(Buffer.from('06082b06010505070303', 'hex'));
        assert.ok(use > 0);
        der[use + 9] = 2;
        bundle.verificationMaterial.certificate.rawBytes = der.toString('base64');
        return bundle;
      },
    ],
    [
      'a certificate that names no issuer',
      /names no identity or no issuer/,
      () => sigstore.sign(artifact, { ...signedAs, issuer: null }),
    ],
    [
      'an identity in letters that lose a bit where they are read as ASCII',
      /names no identity or no issuer/,
      () => sigstore.sign(artifact, { ...signedAs, identity: identity.replace('acme', 'acm\u00e5') }),
    ],
    [
      'an identity that goes on after a character that ends texts elsewhere',
      /names no identity or no issuer/,
      () => sigstore.sign(artifact, { ...signedAs, identity: `${identity}\0.evil.example` }),
    ],
    [
      'a certificate for a host of that name',
      /names no identity or no issuer/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const der = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
        // uniformResourceIdentifier becomes dNSName.
        der[der.indexOf(identity) - 2] = 0x82;
        bundle.verificationMaterial.certificate.rawBytes = der.toString('base64');
        return bundle;
      },
    ],
    [
      'a certificate that names two',
      /names no identity or no issuer/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const der = Buffer.from(bundle.verificationMaterial.certificate.rawBytes, 'base64');
        // The last 20 bytes of the one name become another one: its tag, its length, and 18
        // characters.
        const name = der.indexOf(identity);
        const length = identity.length - 20;
        der[name - 1] = length;
        der.set([0x86, 18], name + length);
        bundle.verificationMaterial.certificate.rawBytes = der.toString('base64');
        return bundle;
      },
    ],
    ['a signature of another artifact', /made for another artifact/, () => sigstore.sign(other, signedAs)],
    [
      'an attestation of this artifact',
      /it is an attestation of type .* not a signature/,
      () => {
        const [algorithm = '', hex = ''] = artifact.digest.split(':');
        const statement = {
          _type: 'https://in-toto.io/Statement/v1',
          subject: [{ digest: { [algorithm]: hex } }],
          predicateType: 'https://slsa.dev/provenance/v1',
          predicate: {},
        };
        return sigstore.sign(artifact, { ...signedAs, statement: Buffer.from(JSON.stringify(statement)) });
      },
    ],
    [
      'no log entry',
      /expected 1 timestamps|expected 1 tlog entries/,
      () => sigstore.sign(artifact, { ...signedAs, logged: false }),
    ],
    [
      'a log entry without any time',
      /expected 1 timestamps/,
      () => sigstore.sign(artifact, { ...signedAs, promised: false }),
    ],
    [
      'the log entry of another signature',
      /tlog entry signature mismatch/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const another = await sigstore.sign(artifact, signedAs);
        bundle.verificationMaterial.tlogEntries = another.verificationMaterial.tlogEntries;
        return bundle;
      },
    ],
    [
      'a log entry that shows the certificate of another name',
      /its log entry shows another certificate or key/,
      async () => {
        const elsewhere = await sigstore.sign(artifact, { ...signedAs, identity: 'https://unwatched.example' });
        return sigstore.sign(artifact, { ...signedAs, shown: certificatePem(elsewhere) });
      },
    ],
    [
      'the same log entry twice',
      /duplicate/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        bundle.verificationMaterial.tlogEntries.push(bundle.verificationMaterial.tlogEntries[0]);
        return bundle;
      },
    ],
    [
      'a log entry with a broken inclusion proof',
      /it does not verify/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const { inclusionProof } = bundle.verificationMaterial.tlogEntries[0];
        inclusionProof.hashes = [Buffer.alloc(32).toString('base64')];
        return bundle;
      },
    ],
    [
      'a log entry with a checkpoint of another log',
      /it does not verify/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const foreign = await (await privateSigstore()).sign(artifact, signedAs);
        bundle.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint =
          foreign.verificationMaterial.tlogEntries[0].inclusionProof.checkpoint;
        return bundle;
      },
    ],
    [
      'a time that the log did not promise',
      /inclusion promise could not be verified/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        const [entry] = bundle.verificationMaterial.tlogEntries;
        entry.integratedTime = String(Number(entry.integratedTime) + 1);
        return bundle;
      },
    ],
    [
      'the certificate of another signer',
      /it does not verify/,
      async () => {
        const bundle = await sigstore.sign(artifact, { ...signedAs, identity: 'https://evil.example' });
        bundle.verificationMaterial.certificate = (
          await sigstore.sign(artifact, signedAs)
        ).verificationMaterial.certificate;
        return bundle;
      },
    ],
    [
      'everything from another Sigstore',
      /it does not verify/,
      async () => (await privateSigstore()).sign(artifact, signedAs),
    ],
    [
      'a timestamp of another signature',
      /it does not verify/,
      async () => {
        const bundle = await sigstore.sign(artifact, { ...signedAs, timestamped: true });
        const another = await sigstore.sign(artifact, { ...signedAs, timestamped: true });
        bundle.verificationMaterial.timestampVerificationData = another.verificationMaterial.timestampVerificationData;
        return bundle;
      },
    ],
    [
      'a key where a certificate is required',
      /made with a key, not with a certificate/,
      () => sigstore.signWithKey(artifact, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    [
      'a certificate that is nonsense',
      /it does not verify|malformed/,
      async () => {
        const bundle = await sigstore.sign(artifact, signedAs);
        bundle.verificationMaterial.certificate.rawBytes = 'MAA=';
        return bundle;
      },
    ],
  ];
  for (const [name, message, make] of attacks) it(name, async () => refuses(bundled(await make()), ruleFor(), message));

  it('a certificate that had ended when it was used', async () => {
    const certificateTime = new Date(Date.now() - 3_600_000);
    const late = await privateSigstore({ certificateTime, logTime: new Date() });
    for (const options of [{}, { promised: false, timestamped: true }]) {
      refuses(bundled(await late.sign(artifact, { ...signedAs, ...options })), ruleFor(late), /certificate chain/);
    }
  });

  it('a root that trusts none of the services that signed', async () => {
    const signature = bundled(await sigstore.sign(artifact, { ...signedAs, timestamped: true }));
    const foreign = await privateSigstore();
    for (const part of ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const) {
      for (const replacement of [[], foreign.trustedRoot[part]]) {
        const trustedRoot = { ...sigstore.trustedRoot, [part]: replacement };
        refuses(signature, ruleFor({ ...sigstore, trustedRoot }), /it does not verify/);
      }
    }
  });

  it('a log, a certificate authority or a timestamp authority whose time was over', async () => {
    const signature = bundled(await sigstore.sign(artifact, { ...signedAs, timestamped: true }));
    const unpromised = bundled(await sigstore.sign(artifact, { ...signedAs, promised: false, timestamped: true }));
    const end = new Date(Date.now() - 3_600_000).toISOString();
    const over = (range: object): object => ({ ...range, end });
    for (const part of ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const) {
      const [one] = structuredClone(sigstore.trustedRoot[part]) as [
        { validFor?: object; publicKey?: { validFor: object } },
      ];
      if (one.publicKey) one.publicKey.validFor = over(one.publicKey.validFor);
      else one.validFor = over(one.validFor ?? {});
      const trustedRoot = { ...sigstore.trustedRoot, [part]: [one] };
      refuses(signature, ruleFor({ ...sigstore, trustedRoot }), /it does not verify/);
      if (part === 'tlogs') refuses(unpromised, ruleFor({ ...sigstore, trustedRoot }), /it does not verify/);
    }
  });

  it('a log whose time had not begun', async () => {
    const [log, ...others] = structuredClone(sigstore.trustedRoot.tlogs) as { publicKey: { validFor: object } }[];
    assert.ok(log);
    log.publicKey.validFor = { start: new Date(Date.now() + 3_600_000).toISOString() };
    const trustedRoot = { ...sigstore.trustedRoot, tlogs: [log, ...others] };
    for (const promised of [true, false]) {
      const bundle = await sigstore.sign(artifact, { ...signedAs, promised, timestamped: true });
      refuses(bundled(bundle), ruleFor({ ...sigstore, trustedRoot }), /it does not verify/);
    }
  });
});

describe('a log entry', () => {
  it('in the legacy form shows the certificate that is annotated, too', async () => {
    const payload = legacyPayload(artifact, 'registry.example.com/security/nginx');
    const shown = certificatePem(await sigstore.sign(artifact, { ...signedAs, identity: 'https://other.example' }));
    const annotations = await sigstore.signLegacy(payload, { ...signedAs, shown });
    const signature: Signature = { format: 'legacy', manifest: artifact.digest, payload, annotations };
    refuses(signature, ruleFor(), /its log entry shows another/);
  });

  it('shows the key of the policy, where one is asked for', async () => {
    const { privateKey, publicKey: spki } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = loadPublicKey(spki.export({ type: 'spki', format: 'pem' }).toString());
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    const shown = other.export({ type: 'spki', format: 'pem' }).toString();
    const signature = bundled(await sigstore.signWithKey(artifact, privateKey, { shown }));
    for (const use of ['required', 'optional'] as const) {
      const log = { use, root: rootOf(sigstore.trustedRoot) };
      const rule: Rule = { match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey, log }] }] };
      refuses(signature, rule, /its log entry shows another/);
    }
  });
});
