import { randomBytes, scrypt } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';

/** The type that cosign writes today, and the one before 2.0. The content is the same. */
const pemTypes = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;

/**
 * The costs that cosign accepts, so that a file cannot demand gigabytes of memory. It writes the
 * first.
 */
const scryptCosts = [65536, 32768, 131072] as const;
const blockSize = 8;

const keyFile = v.object({
  kdf: v.object({
    name: v.literal('scrypt'),
    params: v.object({ N: v.picklist(scryptCosts), r: v.literal(blockSize), p: v.literal(1) }),
    salt: v.pipe(v.string(), v.maxLength(128)),
  }),
  cipher: v.object({ name: v.literal('nacl/secretbox'), nonce: v.pipe(v.string(), v.maxLength(128)) }),
  ciphertext: v.string(),
});

const pemPattern = new RegExp(
  `^-----BEGIN (${pemTypes.join('|')})-----\\r?\\n([A-Za-z0-9+/=\\r\\n]+)-----END \\1-----\\s*$`,
);

/** Reports whether a text is a private key file as `cosign generate-key-pair` writes it. */
export function isCosignKey(pem: string): boolean {
  return pemTypes.some((type) => pem.trimStart().startsWith(`-----BEGIN ${type}-----`));
}

/**
 * Decrypts cosign's private key (PEM around JSON: scrypt, then nacl/secretbox). Returns the PKCS#8
 * DER. Throws InvalidInput for another format, a cost that cosign refuses, and a wrong passphrase.
 */
export async function decryptCosignKey(pem: string, passphrase: string): Promise<Buffer> {
  const body = pemPattern.exec(pem.trim())?.[2];
  if (body === undefined) throw new FairleadError('InvalidInput', "not a private key in cosign's PEM format");
  const file = parseKeyFile(Buffer.from(body, 'base64').toString('utf8'));
  const nonce = Buffer.from(file.cipher.nonce, 'base64');
  if (nonce.length !== 24)
    throw new FairleadError('InvalidInput', `cosign's private key has a nonce of ${nonce.length} bytes: want 24`);
  const [key, { xsalsa20poly1305 }] = await Promise.all([
    deriveKey(passphrase, Buffer.from(file.kdf.salt, 'base64'), file.kdf.params.N),
    loadCipher(),
  ]);
  try {
    return Buffer.from(xsalsa20poly1305(key, nonce).decrypt(Buffer.from(file.ciphertext, 'base64')));
  } catch {
    // The cause says only that the message authentication code differs.
    throw new FairleadError(
      'InvalidInput',
      'cannot decrypt the private key: the passphrase is wrong, or the file is damaged',
      {
        hint: 'Use the passphrase that the key was encrypted with (cosign reads it from COSIGN_PASSWORD).',
      },
    );
  }
}

/**
 * Encrypts PKCS#8 DER as a private key of cosign, which cosign 2.4 and newer read. An empty
 * passphrase is allowed, as in cosign.
 */
export async function encryptCosignKey(pkcs8: Uint8Array, passphrase: string): Promise<string> {
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const [key, { xsalsa20poly1305 }] = await Promise.all([deriveKey(passphrase, salt, scryptCosts[0]), loadCipher()]);
  const file: v.InferOutput<typeof keyFile> = {
    kdf: {
      name: 'scrypt',
      params: { N: scryptCosts[0], r: blockSize, p: 1 },
      salt: salt.toString('base64'),
    },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(xsalsa20poly1305(key, nonce).encrypt(pkcs8)).toString('base64'),
  };
  const body = Buffer.from(JSON.stringify(file)).toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN ${pemTypes[0]}-----\n${body}\n-----END ${pemTypes[0]}-----\n`;
}

/** Loads the cipher, which only encrypted keys need, while another thread derives the key. */
function loadCipher(): Promise<typeof import('@noble/ciphers/salsa.js')> {
  return import('@noble/ciphers/salsa.js');
}

function parseKeyFile(text: string): v.InferOutput<typeof keyFile> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FairleadError('InvalidInput', "cosign's private key is not JSON", { cause });
  }
  const parsed = v.safeParse(keyFile, json);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new FairleadError(
      'InvalidInput',
      `cosign's private key: ${v.getDotPath(issue) ?? 'content'}: ${issue.message}`,
    );
  }
  return parsed.output;
}

function deriveKey(passphrase: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Node allows 32 MiB by default; scrypt needs 128 * N * r bytes, 64 MiB for what cosign writes.
    const options = { N: cost, r: blockSize, p: 1, maxmem: 128 * cost * blockSize + 2 * 1024 * 1024 };
    scrypt(passphrase, salt, 32, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
