import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import { assertEntryShows } from './log-entry-signer.ts';

const [own, other] = [newKey(), newKey()];

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
}

const derOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const pemOf = (key: KeyObject): string =>
  Buffer.from(key.export({ type: 'spki', format: 'pem' }).toString()).toString('base64');

/** Every kind of entry that the verifier reads, showing a key. */
const entries: Readonly<Record<string, (key: KeyObject) => { kind: string; apiVersion: string; spec: object }>> = {
  'hashedrekord of Rekor v1': (key) => ({
    kind: 'hashedrekord',
    apiVersion: '0.0.1',
    spec: { signature: { content: 'c2ln', publicKey: { content: pemOf(key) } } },
  }),
  'dsse of Rekor v1': (key) => ({
    kind: 'dsse',
    apiVersion: '0.0.1',
    spec: { signatures: [{ signature: 'c2ln', verifier: pemOf(key) }] },
  }),
  'intoto of Rekor v1': (key) => ({
    kind: 'intoto',
    apiVersion: '0.0.2',
    spec: { content: { envelope: { signatures: [{ sig: 'YzJsbg==', publicKey: pemOf(key) }] } } },
  }),
  'hashedrekord of Rekor v2, with a key': (key) => ({
    kind: 'hashedrekord',
    apiVersion: '0.0.2',
    spec: { hashedRekordV002: { signature: { verifier: { publicKey: { rawBytes: derOf(key).toString('base64') } } } } },
  }),
  'hashedrekord of Rekor v2, with a certificate': (key) => ({
    kind: 'hashedrekord',
    apiVersion: '0.0.2',
    spec: {
      hashedRekordV002: { signature: { verifier: { x509Certificate: { rawBytes: derOf(key).toString('base64') } } } },
    },
  }),
  'dsse of Rekor v2': (key) => ({
    kind: 'dsse',
    apiVersion: '0.0.2',
    spec: { dsseV002: { signatures: [{ verifier: { publicKey: { rawBytes: derOf(key).toString('base64') } } }] } },
  }),
};

describe('assertEntryShows', () => {
  const bytes = (entry: object): Buffer => Buffer.from(JSON.stringify(entry));
  const refuses = (entry: object): void =>
    assert.throws(() => assertEntryShows(bytes(entry), derOf(own)), {
      kind: 'SignatureInvalid',
      message: /its log entry shows another certificate or key/,
    });

  for (const [name, make] of Object.entries(entries)) {
    it(`reads ${name}`, () => {
      assertEntryShows(bytes(make(own)), derOf(own));
      refuses(make(other));
      refuses({ ...make(own), apiVersion: '0.0.9' });
      refuses({ ...make(own), spec: {} });
    });
  }

  it('wants one signer, not one of several', () => {
    const verifier = { publicKey: { rawBytes: derOf(own).toString('base64') } };
    const two = [{ verifier }, { verifier: { publicKey: { rawBytes: derOf(other).toString('base64') } } }];
    refuses({ kind: 'dsse', apiVersion: '0.0.2', spec: { dsseV002: { signatures: two } } });
  });
});
