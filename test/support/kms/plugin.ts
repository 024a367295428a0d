/**
 * A plugin program of sigstore for key services (pkg/signature/kms/cliplugin, protocol v1), which
 * keeps keys in files: `NAME:///path/of/key.pem`. With KMS_FAULT it fails in one of many ways.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { appendFileSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , version, text = ''] = process.argv;
const request = JSON.parse(text);
const { keyResourceID: file, hashFunc } = request.initOptions;
const method: string = request.methodName;
const args = request[method];
const fault = process.env['KMS_FAULT'] ?? '';
const hashes: Readonly<Record<number, string>> = { 5: 'sha256', 6: 'sha384', 7: 'sha512' };

/** Each kind of key that can be created, as cosign names it. */
const kinds = {
  'ecdsa-p256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ecdsa-p384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'ecdsa-p521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  'rsa-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: () => generateKeyPairSync('ed25519'),
};

async function stdin(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const publicPem = (): string => createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'pem' }).toString();
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');

async function answer(): Promise<object> {
  switch (method) {
    case 'defaultAlgorithm':
      return { defaultAlgorithm: 'ecdsa-p256' };
    case 'supportedAlgorithms':
      return { supportedAlgorithms: Object.keys(kinds) };
    case 'createKey': {
      const { privateKey } = kinds[args.algorithm as keyof typeof kinds]();
      writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      return { publicKeyPEM: base64(publicPem()) };
    }
    case 'publicKey':
      return { publicKeyPEM: base64(publicPem()) };
    case 'signMessage': {
      const key = createPrivateKey(readFileSync(file));
      const hash =
        key.asymmetricKeyType === 'ed25519' ? null : hashes[args.signOptions.messageOptions?.hashFunc ?? hashFunc];
      const message = await stdin();
      return { signature: base64(sign(hash, fault === 'wrong-message' ? Buffer.from('other') : message, key)) };
    }
    case 'verifySignature': {
      const key = createPublicKey(readFileSync(file));
      const hash = key.asymmetricKeyType === 'ed25519' ? null : hashes[hashFunc];
      if (!verify(hash, await stdin(), key, Buffer.from(args.signature, 'base64'))) throw new Error('not valid');
      return {};
    }
    default:
      throw new Error(`unsupported method ${method}`);
  }
}

const log = process.env['KMS_LOG'];
if (log !== undefined) appendFileSync(log, `${version} ${text}\n`);
const isFaulty = (process.env['KMS_FAULT_IN'] ?? 'signMessage') === method;
switch (isFaulty ? fault : '') {
  case 'hang':
    await sleep(600_000);
    break;
  case 'garbage':
    process.stdout.write('Segmentation fault\u0000');
    break;
  case 'silent':
    break;
  case 'exit':
    process.exitCode = 3;
    break;
  case 'endless':
    for (;;) await new Promise((resolve) => process.stdout.write('x'.repeat(65_536), resolve));
  case 'error':
    process.stdout.write(JSON.stringify({ errorMessage: 'no such key\n::error::x' }));
    process.exitCode = 1;
    break;
  case 'other-answer':
    process.stdout.write(JSON.stringify({ verifySignature: {} }));
    break;
  case 'not-base64':
    process.stdout.write(JSON.stringify({ signMessage: { signature: '!!' }, publicKey: { publicKeyPEM: 'AA' } }));
    break;
  case 'early': {
    // Signs the first bytes alone, and ends before it has read the others.
    const first = Buffer.alloc(1);
    readSync(0, first);
    const signature = base64(sign('sha256', first, createPrivateKey(readFileSync(file))));
    process.stdout.write(JSON.stringify({ signMessage: { signature } }));
    break;
  }
  default:
    try {
      process.stdout.write(JSON.stringify({ [method]: await answer() }));
    } catch (error) {
      process.stdout.write(JSON.stringify({ errorMessage: error instanceof Error ? error.message : String(error) }));
    }
    process.stderr.write(`plugin: ${method} ${createHash('sha256').update(file).digest('hex').slice(0, 8)}\n`);
}
