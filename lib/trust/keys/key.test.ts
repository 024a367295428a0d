import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { decryptCosignKey, encryptCosignKey, isCosignKey } from './cosign-key.ts';
import { generateKeyPair, keyHint, loadPrivateKey, loadPublicKey } from './key.ts';

function refusal(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof FairleadError);
    assert.equal(error.kind, 'InvalidInput');
    assert.match(error.message, pattern);
    return true;
  };
}

const message = Buffer.from('what is signed');
const whole =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7j2FLbo/ezuIMzBjmKJgcqKcQqBR0mmXLNZSw729Mo4panDbvYyzztIu7mASIYKd' +
  'CsGUPXrT4Fx+cPh/3gdXgw==';
const compressed = 'MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAD7j2FLbo/ezuIMzBjmKJgcqKcQqBR0mmXLNZSw729Mo4=';
const explicit =
  'MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////MFsEIP//' +
  '//8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wST' +
  'amZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBo' +
  'N79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABO49hS26P3s7iDMwY5iiYHKinEKgUdJplyzWUsO9' +
  'vTKOKWpw272Ms87SLu5gEiGCnQrBlD160+BcfnD4f94HV4M=';

describe('key pairs', () => {
  it('signs with a plain key, and the public key verifies it', async () => {
    const files = await generateKeyPair();
    assert.match(files.privateKey, /^-----BEGIN PRIVATE KEY-----/);
    const signer = await loadPrivateKey(files.privateKey);
    const signature = await signer.signBytes(message);
    assert.equal(verify('sha256', message, createPublicKey(files.publicKey), signature), true);
    assert.equal(loadPublicKey(files.publicKey).fingerprint, signer.publicKey.fingerprint);
  });

  it("writes cosign's encrypted format if there is a passphrase, even an empty one", async () => {
    for (const passphrase of ['correct horse', '']) {
      const files = await generateKeyPair({ passphrase });
      assert.ok(isCosignKey(files.privateKey));
      const signer = await loadPrivateKey(files.privateKey, passphrase);
      assert.equal(signer.publicKey.fingerprint, loadPublicKey(files.publicKey).fingerprint);
      await assert.rejects(loadPrivateKey(files.privateKey, 'wrong'), refusal(/passphrase is wrong/));
      await assert.rejects(loadPrivateKey(files.privateKey), refusal(/there is no passphrase/));
    }
  });

  it('decrypts encrypted PKCS#8', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' }).toString();
    const signer = await loadPrivateKey(pem, 'p');
    assert.equal(verify('sha256', message, publicKey, await signer.signBytes(message)), true);
    await assert.rejects(loadPrivateKey(pem, 'q'), refusal(/passphrase is wrong/));
    await assert.rejects(loadPrivateKey(pem), refusal(/no passphrase/));
  });

  it('returns the hint and the fingerprint that cosign computes', () => {
    // A fixed key, and `openssl pkey -pubin -outform DER | sha256sum` of it.
    const pem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9rROvFYdDu9ZHniPDC40vW8dDq5a
qtymTs/7VdxUvxnK3bES1qBR3oRfxdz1ei/F8gnciZ22HE1EQyl+Ct4UXA==
-----END PUBLIC KEY-----
`;
    const key = loadPublicKey(pem);
    assert.equal(Buffer.from(keyHint(key), 'base64').toString('hex'), key.fingerprint);
    assert.equal(key.fingerprint, '65135dc68f2a91c8d655c5950b8ec0fab77b05857dfe9b9b499c7f109f4b7f7a');
  });

  it('returns one fingerprint for a key, whatever the form in its file', () => {
    // The same point on P-256: uncompressed, compressed, and with explicit curve parameters.
    const forms = [whole, compressed, explicit].map((body) =>
      loadPublicKey(`-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`),
    );
    assert.equal(new Set(forms.map(({ fingerprint }) => fingerprint)).size, 1);
    assert.equal(new Set(forms.map(keyHint)).size, 1);
  });

  it('refuses weak keys, and kinds of keys that cosign does not verify', async () => {
    for (const [name, pair] of [
      ['ec secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
      ['rsa 1024', generateKeyPairSync('rsa', { modulusLength: 1024 })],
      ['rsa-pss 2048', generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
      ['ed448', generateKeyPairSync('ed448')],
      ['x25519', generateKeyPairSync('x25519')],
    ] as const) {
      const message = new RegExp(`unsupported key ${name}: want ECDSA`);
      const spki = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
      assert.throws(() => loadPublicKey(spki), refusal(message));
      const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      await assert.rejects(loadPrivateKey(pkcs8), refusal(message));
    }
  });

  it('refuses text that is not a key', async () => {
    await assert.rejects(loadPrivateKey('nonsense'), refusal(/not a private key/));
    assert.throws(() => loadPublicKey('nonsense'), refusal(/not a public key/));
    assert.throws(
      () => loadPublicKey('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'),
      refusal(/damaged/),
    );
  });

  it('refuses a private key instead of a public one and the reverse, and reports what it found', async () => {
    const { privateKey, publicKey } = await generateKeyPair();
    assert.throws(() => loadPublicKey(privateKey), refusal(/not a public key in PEM format: it is a PRIVATE KEY$/));
    await assert.rejects(loadPrivateKey(publicKey), refusal(/not a private key in PEM format: it is a PUBLIC KEY$/));
    for (const label of ['OPENSSH PRIVATE KEY', 'CERTIFICATE']) {
      const pem = `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;
      await assert.rejects(loadPrivateKey(pem), refusal(new RegExp(`it is a ${label}$`)));
    }
  });

  it('refuses values that are not strings, without showing them', async () => {
    const { privateKey, publicKey } = await generateKeyPair();
    const open = createPrivateKey(privateKey);
    for (const [given, type] of [
      [Buffer.from(privateKey), 'Buffer'],
      [new Uint8Array(2), 'Uint8Array'],
      [open, 'PrivateKeyObject'],
      [{}, 'Object'],
      [[privateKey], 'Array'],
      [undefined, 'undefined'],
      [null, 'null'],
      [7, 'number'],
    ] as const) {
      const message = new RegExp(`^invalid type ${type} of the private key: want a string$`);
      await assert.rejects(loadPrivateKey(given as unknown as string), refusal(message));
      const ofPublic = new RegExp(`^invalid type ${type} of the public key: want a string$`);
      assert.throws(() => loadPublicKey(given as unknown as string), refusal(ofPublic));
    }
    const encrypted = await generateKeyPair({ passphrase: 'p' });
    for (const passphrase of [Buffer.from('p'), 7, null])
      await assert.rejects(
        loadPrivateKey(encrypted.privateKey, passphrase as unknown as string),
        refusal(/^invalid type (Buffer|number|null) of the passphrase: want a string$/),
      );
    assert.ok(loadPublicKey(publicKey));
  });
});

describe("cosign's key file", () => {
  it('round-trips', async () => {
    const der = Buffer.from('any bytes');
    assert.deepEqual(await decryptCosignKey(await encryptCosignKey(der, 'p'), 'p'), der);
  });

  it('refuses costs that cosign refuses, before it allocates memory', async () => {
    const pem = await encryptCosignKey(Buffer.from('x'), 'p');
    const json = Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64').toString();
    for (const cost of ['2147483648', '16384', '65537', '-1', '"65536"']) {
      const bad = rewrap(json.replace('"N":65536', `"N":${cost}`));
      await assert.rejects(decryptCosignKey(bad, 'p'), refusal(/kdf\.params\.N/));
    }
    await assert.rejects(decryptCosignKey(rewrap(json.replace('"r":8', '"r":1024')), 'p'), refusal(/kdf\.params\.r/));
    await assert.rejects(decryptCosignKey(rewrap('{'), 'p'), refusal(/is not JSON/));
    await assert.rejects(decryptCosignKey('-----BEGIN X-----', 'p'), refusal(/PEM format/));
  });

  it('reads the PEM type of older versions of cosign', async () => {
    const pem = (await encryptCosignKey(Buffer.from('x'), 'p')).replaceAll('SIGSTORE', 'COSIGN');
    assert.equal((await decryptCosignKey(pem, 'p')).toString(), 'x');
  });
});

function rewrap(json: string): string {
  const type = 'ENCRYPTED SIGSTORE PRIVATE KEY';
  return `-----BEGIN ${type}-----\n${Buffer.from(json).toString('base64')}\n-----END ${type}-----\n`;
}
