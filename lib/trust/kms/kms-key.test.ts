import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it, mock } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { installPlugin } from '#test/support/kms/install-plugin';
import { verifyBytes } from '../keys/key-algorithm.ts';
import { isKmsReference, parseKmsReference } from './key-reference.ts';
import { createKmsKey, openKmsKey, openKmsPublicKey } from './kms-key.ts';

const directory = mkdtempSync(join(tmpdir(), 'fairlead-kms-'));
const env = { PATH: installPlugin(directory), HOME: directory };
const keyFile = join(directory, 'key.pem');
const key = `filekms://${keyFile}`;
after(() => rmSync(directory, { recursive: true }));

const message = Buffer.from('what is signed');
async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

function refusal(kind: ErrorKind, pattern: RegExp, hint = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, pattern);
    assert.match(error.hint ?? '', hint);
    return true;
  };
}

function writeKey({ privateKey }: { privateKey: ReturnType<typeof generateKeyPairSync>['privateKey'] }): void {
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

describe('references to keys', () => {
  it('are told from files, and name the program and the key', () => {
    assert.deepEqual(
      ['awskms:///alias/ci', 'my-hsm://1', 'a b://x', '://x', 'a.key', './a://b', 'dir/a://b', '/a://b', 'C:\\a'].map(
        isKmsReference,
      ),
      [true, true, true, true, false, false, false, false, false],
    );
    assert.deepEqual(parseKmsReference('my-hsm://slot/1?pin=a://b'), {
      text: 'my-hsm://slot/1?pin=a://b',
      program: 'sigstore-kms-my-hsm',
      resource: 'slot/1?pin=a://b',
    });
    for (const text of ['://x', 'a b://x', 'my-hsm://', '-x://y', 'a\0://b', 'a://b\0']) {
      assert.throws(
        () => parseKmsReference(text),
        refusal('InvalidInput', /invalid key reference .*want NAME:\/\/KEY/),
      );
    }
  });
});

it('a PKCS#11 URI is refused with the way to use the token', () => {
  const uri = 'pkcs11:token=hsm;object=ci?module-path=/usr/lib/softhsm.so';
  assert.ok(isKmsReference(uri));
  assert.throws(() => parseKmsReference(uri), refusal('InvalidInput', /is a PKCS#11 URI/, /sigstore-kms-NAME in PATH/));
  assert.equal(parseKmsReference('pkcs11://hsm/ci').program, 'sigstore-kms-pkcs11');
});

describe('a key in a key service', () => {
  beforeEach(() => writeKey(generateKeyPairSync('ec', { namedCurve: 'P-256' })));

  for (const [name, pair] of [
    ['ECDSA P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ECDSA P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['ECDSA P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
  ] as const) {
    it(`signs bytes and streams with ${name}`, async () => {
      writeKey(pair());
      const opened = await openKmsKey(key, env);
      for (const signature of [
        await opened.signBytes(message),
        await opened.signStream(pieces('what ', 'is signed')),
      ]) {
        assert.ok(verifyBytes(opened.publicKey.key, message, signature));
      }
      assert.equal((await openKmsPublicKey(key, env)).fingerprint, opened.publicKey.fingerprint);
    });
  }

  it('is asked for as cosign asks', async () => {
    const log = join(directory, 'log');
    rmSync(log, { force: true });
    await (await openKmsKey(key, { ...env, KMS_LOG: log })).signBytes(message);
    const requests = readFileSync(log, 'utf8').trimEnd().split('\n');
    const [asked, signed] = requests.map((line) => JSON.parse(line.slice(3)));
    assert.ok(requests.every((line) => line.startsWith('v1 ')));
    const { ctxDeadline, rpcOptions, ...init } = asked.initOptions;
    assert.deepEqual(init, { protocolVersion: 'v1', keyResourceID: keyFile, hashFunc: 5 });
    const left = new Date(ctxDeadline).getTime() - Date.now();
    assert.ok(left > 30_000 && left <= 60_000, ctxDeadline);
    assert.deepEqual(rpcOptions, { ctxDeadline, keyVersion: '', remoteVerification: false });
    assert.deepEqual([asked.methodName, signed.methodName], ['publicKey', 'signMessage']);
    assert.deepEqual(signed.signMessage.signOptions.messageOptions, {});
  });

  it('signs more than fits into memory at once, and waits as long as it reads', async () => {
    const opened = await openKmsKey(key, env);
    const piece = new Uint8Array(1024 * 1024);
    const many = async function* () {
      for (let index = 0; index < 64; index += 1) yield piece;
    };
    assert.ok((await opened.signStream(many())).length > 64);
    const broken = async function* () {
      yield piece;
      throw new Error('the disk is gone');
    };
    await assert.rejects(opened.signStream(broken()), { message: 'the disk is gone' });
  });

  for (const [fault, kind, pattern] of [
    ['garbage', 'Unavailable', /sigstore-kms-filekms printed no JSON object \(key "filekms:/],
    ['silent', 'Unavailable', /printed no JSON object/],
    ['exit', 'Unavailable', /failed with exit code 3/],
    ['endless', 'Unavailable', /printed more than 262144 bytes/],
    ['error', 'Unavailable', /reports an error: "no such key\\n::error::x"/],
    ['other-answer', 'Unavailable', /printed no valid answer to signMessage/],
    ['not-base64', 'Unavailable', /printed no valid answer to signMessage/],
    ['wrong-message', 'SignatureInvalid', /the signature that sigstore-kms-filekms returned was not made with its key/],
    ['early', 'SignatureInvalid', /was not made with its key/],
  ] as const) {
    it(`has no signature if the program fails: ${fault}`, async () => {
      const opened = await openKmsKey(key, { ...env, KMS_FAULT: fault });
      await assert.rejects(opened.signBytes(message), refusal(kind, pattern));
      const large = new Uint8Array(1024 * 1024);
      await assert.rejects(
        opened.signStream(
          (async function* () {
            for (let index = 0; index < 16; index += 1) yield large;
          })(),
        ),
        refusal(kind, pattern),
      );
    });
  }

  it('has no signature of the first bytes alone, if the program ends before the others come', async () => {
    const opened = await openKmsKey(key, { ...env, KMS_FAULT: 'early' });
    const slowly = async function* () {
      yield Buffer.from('w');
      await sleep(1_500);
      yield Buffer.from('hat is signed');
    };
    await assert.rejects(opened.signStream(slowly()), refusal('SignatureInvalid', /was not made with its key/));
  });

  it('is given up after a minute', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const opening = openKmsKey(key, { ...env, KMS_FAULT: 'hang', KMS_FAULT_IN: 'publicKey' });
    let error: unknown;
    opening.catch((thrown: unknown) => {
      error = thrown;
    });
    // The program takes as long to start as the machine makes it.
    const deadline = performance.now() + 30_000;
    while (error === undefined && performance.now() < deadline) {
      await new Promise(setImmediate);
      mock.timers.tick(60_000);
    }
    assert.ok(refusal('Unavailable', /did not end within 60 s/)(error));
  });

  it('needs its program, and the hint names it', async () => {
    await assert.rejects(
      openKmsKey('awskms:///alias/ci', env),
      refusal('InvalidInput', /^no program sigstore-kms-awskms in PATH/, /sigstore-kms-awskms .*directory in PATH/),
    );
    for (const elsewhere of ['env://COSIGN_KEY', 'k8s://ns/key', 'https://example.com/key.pub']) {
      await assert.rejects(
        openKmsKey(elsewhere, env),
        refusal('InvalidInput', /^no program sigstore-kms-/, /^Fairlead reads no key from there\. Write it to a file/),
      );
    }
    const file = join(directory, 'bin/sigstore-kms-plain');
    writeFileSync(file, 'not executable');
    chmodSync(file, 0o644);
    await assert.rejects(
      openKmsKey('plain://x', env),
      refusal('Unavailable', /sigstore-kms-plain did not start: EACCES/),
    );
  });

  it('must be of a supported kind', async () => {
    writeKey(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }));
    await assert.rejects(
      openKmsKey(key, env),
      refusal('InvalidInput', /the public key of "filekms:.*unsupported key ec secp256k1: want ECDSA/),
    );
    const faulty = { ...env, KMS_FAULT: 'not-base64', KMS_FAULT_IN: 'publicKey' };
    await assert.rejects(openKmsKey(key, faulty), refusal('Unavailable', /printed no valid answer to publicKey/));
    rmSync(keyFile);
    await assert.rejects(openKmsKey(key, env), refusal('Unavailable', /reports an error: "ENOENT/));
  });

  it('is refused if it signs in another way: RSA-PSS', async () => {
    writeKey(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }));
    await assert.rejects(openKmsKey(key, env), refusal('InvalidInput', /unsupported key rsa-pss/));
  });

  it('can be generated', async () => {
    rmSync(keyFile);
    const pem = await createKmsKey(key, env);
    assert.match(pem, /^-----BEGIN PUBLIC KEY-----/);
    assert.equal((await openKmsKey(key, env)).publicKey.key.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });
});
