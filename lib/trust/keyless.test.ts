import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import {
  type BundleJson,
  type KeylessOptions,
  type PrivateSigstore,
  privateSigstore,
} from '#test/sigstore/private-sigstore';
import { examineSignatures } from './examine-signatures.ts';
import type { ExpectedIdentity } from './identity.ts';
import { loadPublicKey } from './key.ts';
import { legacyPayload } from './legacy-payload.ts';
import type { LogUse, Rule } from './policy.ts';
import type { Signature } from './signature.ts';
import { readTrustedRoot } from './sigstore-root.ts';
import { verifySignatures } from './verify-signatures.ts';

const reference = parseReference('registry.example.com/security/nginx:v1');
const artifact = descriptorOf('artifact');
const other = descriptorOf('another artifact');
const identity = 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main';
const issuer = 'https://token.actions.githubusercontent.com';
const signedAs: KeylessOptions = { identity, issuer };
const expected: ExpectedIdentity = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

function descriptorOf(content: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
}

function rootOf(trustedRoot: object): ReturnType<typeof readTrustedRoot> {
  return readTrustedRoot(Buffer.from(JSON.stringify(trustedRoot)));
}

function ruleFor(
  from: PrivateSigstore = sigstore,
  { use = 'required', keyless = {} }: { use?: LogUse; keyless?: Partial<ExpectedIdentity> } = {},
): Rule {
  const log = { use, root: rootOf(from.trustedRoot) };
  return { match: '**', unsigned: false, require: [{ anyOf: [{ keyless: { ...expected, ...keyless }, log }] }] };
}

function bundled(json: BundleJson): Signature {
  const bytes = Buffer.from(JSON.stringify(json));
  return { format: 'bundle', manifest: digestOf(bytes), bundle: bytes };
}

function accepts(signature: Signature, rule: Rule): void {
  const { signatures } = verifySignatures(artifact, reference, [signature], rule);
  assert.equal(signatures[0]?.certificate?.identity, identity);
  assert.equal(signatures[0]?.certificate?.issuer, issuer);
}

function refuses(signature: Signature, rule: Rule, message: RegExp): void {
  assert.throws(
    () => verifySignatures(artifact, reference, [signature], rule),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'SignatureInvalid');
      assert.match(error.message, message);
      return true;
    },
  );
}

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
      refuses(moved, ruleFor(), /does not verify/);
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
    refusesClaim({ trigger: 'pull_request' }, /certificate says trigger "push"/);
    refusesClaim({ ref: 'refs/heads/mai' }, /certificate says ref "refs\/heads\/main"/);
    refusesClaim({ runner: 'github-hosted' }, /certificate says runner nothing/);
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
    ['a signature of another artifact', /made for another artifact/, () => sigstore.sign(other, signedAs)],
    [
      'an attestation of this artifact',
      /which is no signature/,
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
      'the certificate of somebody else',
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
    }
  });
});

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
    // A whole verification of each for each requirement would be a thousand, some milliseconds each.
    assert.ok(user < 1_500_000, `${user} us`);
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
          },
        ],
        refused,
      },
    ]);
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
  it('refuses what is no trusted root, and logs without a start of validity', () => {
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
