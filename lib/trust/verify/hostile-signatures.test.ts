import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { type BundleJson, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { generateKeyPair, loadPrivateKey, loadPublicKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { keySigner } from '../sign/key-signer.ts';
import { signArtifact } from '../sign/sign-artifact.ts';
import { legacyPayload } from '../signature/legacy/legacy-payload.ts';
import type { Signature } from '../signature/signature.ts';
import { verifyBlob } from './verify-blob.ts';
import { verifySignatures } from './verify-signatures.ts';

const bytes = Buffer.from('artifact');
const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const signedAs = { identity: 'https://example.com/signer', issuer: 'https://issuer.example' };

let rules: Rule[];
let bundles: BundleJson[];
let messageBundles: BundleJson[];
let annotations: Record<string, string>;
const payload = legacyPayload(artifact, 'registry.example.com/security/nginx');
before(async () => {
  const sigstore = await privateSigstore();
  const files = await generateKeyPair();
  const root = readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot)));
  const keyless = { issuer: { exact: signedAs.issuer }, identity: { exact: signedAs.identity }, claims: {} };
  const ruleOf = (alternative: Rule['require'][number]['anyOf'][number]): Rule => ({
    match: '**',
    unsigned: false,
    require: [{ anyOf: [alternative] }],
  });
  rules = [
    ruleOf({ key: 'k', publicKey: loadPublicKey(files.publicKey) }),
    ruleOf({ key: 'k', publicKey: loadPublicKey(files.publicKey), log: { use: 'optional', root } }),
    ruleOf({ keyless, log: { use: 'required', root } }),
    ruleOf({ keyless, log: { use: 'off', root } }),
  ];
  const byKey = await signArtifact(artifact, keySigner(await loadPrivateKey(files.privateKey)));
  bundles = [
    JSON.parse(Buffer.from(byKey).toString()),
    await sigstore.sign(artifact, { ...signedAs, timestamped: true }),
  ];
  const signed = keySigner(await loadPrivateKey(files.privateKey)).signMessage(streamed(bytes));
  messageBundles = [
    JSON.parse(Buffer.from(await signed).toString()),
    await sigstore.signMessage(bytes, signedAs),
    JSON.parse(Buffer.from(byKey).toString()),
  ];
  annotations = await sigstore.signLegacy(payload, { ...signedAs, timestamped: true });
});

/**
 * Every rule either finds the signature good or says SignatureInvalid; no other error may come out,
 * whatever the bytes.
 */
function decides(signature: Signature): boolean {
  const verdicts = rules.map((rule) => {
    try {
      verifySignatures(artifact, reference, [signature], rule);
      return true;
    } catch (error) {
      assert.ok(error instanceof FairleadError && error.kind === 'SignatureInvalid', String(error));
      return false;
    }
  });
  return verdicts.includes(true);
}

async function* streamed(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** The same of a bundle beside a file. */
async function decidesFile(bundle: Uint8Array): Promise<boolean> {
  const verdicts = rules.flatMap(({ require }) =>
    require.flatMap(({ anyOf }) =>
      anyOf.map(async (by) => {
        try {
          await verifyBlob(streamed(bytes), { name: 'file', bundle, by });
          return true;
        } catch (error) {
          assert.ok(error instanceof FairleadError && error.kind === 'SignatureInvalid', String(error));
          return false;
        }
      }),
    ),
  );
  return (await Promise.all(verdicts)).includes(true);
}

function bundled(content: Uint8Array): Signature {
  return { format: 'bundle', manifest: artifact.digest, bundle: content };
}

/** Where values stand in a JSON document. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  return [[...path], ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function withValue(json: BundleJson, path: readonly string[], value: unknown): BundleJson {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy = Array.isArray(json) ? [...json] : { ...json };
  copy[key as keyof typeof copy] = withValue(json[key], rest, value) as never;
  return copy;
}

const anything = fc.oneof(
  fc.constantFrom(null, '', '0', 'AAAA', 'MAA=', -1, 2 ** 53, true, [], {}, '\u0000', '9'.repeat(400)),
  fc.json().map((text) => JSON.parse(text)),
  fc.base64String(),
);

describe('hostile signatures', () => {
  it('the good ones are good (or the rest would prove nothing)', () => {
    for (const bundle of bundles) assert.equal(decides(bundled(Buffer.from(JSON.stringify(bundle)))), true);
    assert.equal(decides({ format: 'legacy', manifest: artifact.digest, payload, annotations }), true);
  });

  it('any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (content) => assert.equal(decides(bundled(content)), false)),
    );
  });

  it('any JSON at all', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.equal(decides(bundled(Buffer.from(text))), false)));
  });

  it('a good bundle with any one value replaced', () => {
    for (const bundle of bundles) {
      const paths = pathsOf(bundle);
      fc.assert(
        fc.property(fc.constantFrom(...paths), anything, (path, value) => {
          decides(bundled(Buffer.from(JSON.stringify(withValue(bundle, path, value)))));
        }),
        { numRuns: 150 },
      );
    }
  });

  it('a good bundle with what is signed replaced is never good', () => {
    for (const bundle of bundles) {
      fc.assert(
        fc.property(fc.constantFrom('payload', 'payloadType', 'signatures'), anything, (field, value) => {
          const changed = withValue(bundle, ['dsseEnvelope', field], value);
          assert.equal(decides(bundled(Buffer.from(JSON.stringify(changed)))), false);
        }),
      );
    }
  });

  it('a good legacy signature with any annotation or the payload replaced', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.base64String());
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(annotations)), text, (name, value) => {
        const changed = { ...annotations, [name]: value };
        decides({ format: 'legacy', manifest: artifact.digest, payload, annotations: changed });
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        const signature: Signature = {
          format: 'legacy',
          manifest: artifact.digest,
          payload: Buffer.from(json),
          annotations,
        };
        assert.equal(decides(signature), false);
      }),
    );
  });

  it('a good bundle cut short', () => {
    for (const bundle of bundles) {
      const whole = Buffer.from(JSON.stringify(bundle));
      for (let length = 0; length < whole.length; length += 37) {
        assert.equal(decides(bundled(whole.subarray(0, length))), false);
      }
    }
  });
});

describe('hostile signatures of files', () => {
  const bytesOf = (json: BundleJson): Buffer => Buffer.from(JSON.stringify(json));

  it('the good ones are good', async () => {
    for (const bundle of messageBundles) assert.equal(await decidesFile(bytesOf(bundle)), true);
  });

  it('any bytes and any JSON', async () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    await fc.assert(fc.asyncProperty(hostile, async (content) => assert.equal(await decidesFile(content), false)));
  });

  it('a good bundle of a file with any one value replaced', async () => {
    for (const bundle of messageBundles) {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...pathsOf(bundle)), anything, async (path, value) => {
          await decidesFile(bytesOf(withValue(bundle, path, value)));
        }),
        { numRuns: 150 },
      );
    }
  });

  it('a good bundle of a file with its signature replaced is never good', async () => {
    for (const bundle of messageBundles.slice(0, 2)) {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom('messageDigest', 'signature'), anything, async (field, value) => {
          const changed = withValue(bundle, ['messageSignature', field], value);
          assert.equal(await decidesFile(bytesOf(changed)), false);
        }),
      );
    }
  });

  it('a good bundle of a file cut short', async () => {
    for (const bundle of messageBundles) {
      const whole = bytesOf(bundle);
      for (let length = 0; length < whole.length; length += 37) {
        assert.equal(await decidesFile(whole.subarray(0, length)), false);
      }
    }
  });
});
