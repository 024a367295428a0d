import { generateKeyPairSync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  artifact,
  bundled,
  keylessRule,
  reference,
  refuses,
  signedAs,
} from '#test/support/sigstore/keyless-signatures';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import type { Rule } from '../policy/policy.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';

const old = (version: string): string => `application/vnd.dev.sigstore.bundle+json;version=${version}`;

/** The content that a version may have: the form of its certificate, and of its log entries. */
const versions = {
  '0.1': { mediaType: old('0.1'), chain: true },
  '0.2': { mediaType: old('0.2'), chain: true },
  '0.3 (older spelling)': { mediaType: old('0.3'), chain: false },
  '0.3': { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', chain: false },
} as const;
type Version = keyof typeof versions;

let sigstore: PrivateSigstore;
let stranger: PrivateSigstore;
let rule: Rule;
before(async () => {
  [sigstore, stranger] = [await privateSigstore(), await privateSigstore()];
  rule = keylessRule(sigstore);
});

/** A keyless signature as a bundle of a version. */
async function bundleOf(version: Version, by = sigstore, options: object = {}): Promise<BundleJson> {
  const { mediaType, chain } = versions[version];
  const bundle = await by.sign(artifact, { ...signedAs, ...options });
  const { certificate, ...material } = bundle.verificationMaterial;
  const kept = chain ? { x509CertificateChain: { certificates: [certificate] } } : { certificate };
  return { ...bundle, mediaType, verificationMaterial: { ...material, ...kept } };
}

const entryOf = (bundle: BundleJson): BundleJson => bundle.verificationMaterial.tlogEntries[0];
const all = Object.keys(versions) as Version[];
const withProof = all.filter((version) => version !== '0.1');

describe('a bundle verifies', () => {
  for (const version of all) {
    it(`of v${version}, by the promise and the proof of the log`, async () => {
      verifySignatures(artifact, reference, [bundled(await bundleOf(version))], rule);
    });
  }
  it('of v0.1, by the promise of the log alone', async () => {
    const bundle = await bundleOf('0.1');
    delete entryOf(bundle).inclusionProof;
    verifySignatures(artifact, reference, [bundled(bundle)], rule);
  });
  for (const version of withProof) {
    it(`of v${version}, by the proof of the log and a timestamp`, async () => {
      const bundle = await bundleOf(version, sigstore, { promised: false, timestamped: true });
      verifySignatures(artifact, reference, [bundled(bundle)], rule);
    });
  }
});

describe('a bundle is refused', () => {
  const attacks: readonly [string, readonly Version[], RegExp, (bundle: BundleJson, other: BundleJson) => void][] = [
    ['without the promise', ['0.1'], /inclusionPromise/, (bundle) => delete entryOf(bundle).inclusionPromise],
    ['without the proof', withProof, /inclusionProof/, (bundle) => delete entryOf(bundle).inclusionProof],
    ['without a checkpoint', withProof, /checkpoint/, (bundle) => delete entryOf(bundle).inclusionProof.checkpoint],
    [
      'without a log entry',
      all,
      /log entr|tlog entries|timestamps/,
      (bundle) => {
        bundle.verificationMaterial.tlogEntries = [];
      },
    ],
    [
      'with the promise of another entry',
      all,
      /does not verify/,
      (bundle, other) => {
        entryOf(bundle).inclusionPromise = entryOf(other).inclusionPromise;
      },
    ],
    [
      'with the entry of another signature',
      all,
      /does not verify/,
      (bundle, other) => {
        bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
      },
    ],
    [
      'with the id of another log',
      all,
      /does not verify/,
      (bundle) => {
        entryOf(bundle).logId.keyId = Buffer.alloc(32, 1).toString('base64');
      },
    ],
    [
      'with another time than was promised',
      all,
      /does not verify/,
      (bundle) => {
        entryOf(bundle).integratedTime = String(Number(entryOf(bundle).integratedTime) + 1);
      },
    ],
    [
      'with the proof of another tree',
      all,
      /does not verify/,
      (bundle) => {
        entryOf(bundle).inclusionProof.rootHash = Buffer.alloc(32, 1).toString('base64');
        entryOf(bundle).inclusionProof.hashes = [Buffer.alloc(32, 2).toString('base64')];
        entryOf(bundle).inclusionProof.treeSize = '2';
      },
    ],
    [
      'with a checkpoint that the log did not sign',
      all,
      /does not verify/,
      (bundle) => {
        const { checkpoint } = entryOf(bundle).inclusionProof;
        const [note, signed] = checkpoint.envelope.split('\n\n');
        checkpoint.envelope = `${note}\n\n${signed.replace(/ \S+\n$/, ` ${Buffer.alloc(70, 1).toString('base64')}\n`)}`;
      },
    ],
  ];
  for (const [what, of, message, change] of attacks) {
    for (const version of of) {
      it(`of v${version} ${what}`, async () => {
        const [bundle, other] = [await bundleOf(version), await bundleOf(version)];
        verifySignatures(artifact, reference, [bundled(bundle)], rule);
        change(bundle, other);
        refuses(bundled(bundle), rule, message);
      });
    }
  }

  for (const version of all) {
    it(`of v${version} by another Sigstore`, async () => {
      refuses(bundled(await bundleOf(version, stranger)), rule, /does not verify/);
    });
  }
  for (const version of withProof) {
    it(`of v${version} with neither a promise nor a timestamp, which leaves no time`, async () => {
      refuses(bundled(await bundleOf(version, sigstore, { promised: false })), rule, /timestamp/);
    });
  }

  it('of v0.3 with a chain of certificates, which only earlier versions have', async () => {
    for (const version of ['0.3', '0.3 (older spelling)'] as const) {
      const bundle = await bundleOf('0.2');
      refuses(bundled({ ...bundle, mediaType: versions[version].mediaType }), rule, /malformed: verificationMaterial/);
    }
  });

  it('of v0.2 relabelled as v0.1, which requires no proof, without the promise that v0.1 requires', async () => {
    const bundle = await bundleOf('0.2', sigstore, { promised: false, timestamped: true });
    refuses(bundled({ ...bundle, mediaType: old('0.1') }), rule, /inclusionPromise/);
  });

  it('of an unknown version', async () => {
    for (const mediaType of [
      old('0.4'),
      old('0.30'),
      'application/vnd.dev.sigstore.bundle.v0.4+json',
      `${old('0.3')};x=y`,
    ]) {
      refuses(bundled({ ...(await bundleOf('0.3')), mediaType }), rule, /has media type|malformed/);
    }
  });

  it('of v0.1 and v0.2 by a key without a log entry', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const bundle = await sigstore.signWithKey(artifact, privateKey);
    for (const version of ['0.1', '0.2']) {
      const verificationMaterial = { ...bundle.verificationMaterial, tlogEntries: [] };
      refuses(bundled({ ...bundle, mediaType: old(version), verificationMaterial }), rule, /has no log entry/);
    }
  });
});
