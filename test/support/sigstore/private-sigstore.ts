import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mock } from 'node:test';
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from '@sigstore/mock';
import type { Descriptor } from '#lib/registry/descriptor';
import { preAuthEncoding } from '#lib/trust/signature/dsse';
import { type Claim, claimOids } from '#lib/trust/signature/identity';
import { bundleMediaType } from '#lib/trust/signature/signature';
import { signStatement, statementPayloadType } from '#lib/trust/signature/statement';
import { dsseEntry, hashedRekord, type LogEntry } from './rekor-v1.ts';
import { type RekorV2, rekorV2 } from './rekor-v2.ts';

const baseUrl = 'http://sigstore.example';
/**
 * The issuer in a certificate: plain text in the first version, which cosign 2 reads, and DER in
 * the current one.
 */
const issuerExtensions = (value: string) => [
  { oid: '1.3.6.1.4.1.57264.1.1', value, legacy: true },
  { oid: '1.3.6.1.4.1.57264.1.8', value },
];

type Service = 'ca' | 'ctlog' | 'tlog' | 'tsa';

type CA = Awaited<ReturnType<typeof initializeCA>>;
type TSA = Awaited<ReturnType<typeof initializeTSA>>;

/** The properties of a keyless signature, by default as cosign makes one today. */
export interface KeylessOptions {
  readonly identity?: string;
  /** Null: the certificate has none. */
  readonly issuer?: string | null;
  /** Whether the certificate is entered in the certificate log. */
  readonly certificateLogged?: boolean;
  readonly claims?: Partial<Record<Claim, string>>;
  /** Whether the signature is entered in the transparency log. */
  readonly logged?: boolean;
  /** Whether the log promises a time (Rekor v1 does, v2 does not). */
  readonly promised?: boolean;
  /** Whether a timestamp authority attests the time. */
  readonly timestamped?: boolean;
  /** The signed bytes, instead of the statement for the artifact. */
  readonly statement?: Uint8Array;
  /** The verifier in the log entry (PEM), instead of the one that verifies the signature. */
  readonly shown?: string;
}

/** A bundle as plain JSON, which tests of attacks change. */
export type BundleJson = ReturnType<typeof JSON.parse>;

/**
 * A private Sigstore in this process: certificate authority, certificate log, transparency log,
 * timestamp authority.
 */
export interface PrivateSigstore {
  /** The trusted root that names all of them. */
  readonly trustedRoot: {
    tlogs: object[];
    ctlogs: object[];
    certificateAuthorities: object[];
    timestampAuthorities: object[];
  };
  /** The services behind it, for a server that speaks their protocols. */
  readonly services: {
    readonly ca: CA;
    readonly log: (entry: object) => Promise<LogEntry>;
    readonly logV2: RekorV2;
    readonly tsa: TSA;
  };
  /** Returns a keyless signature of an artifact, as a bundle. */
  sign(descriptor: Descriptor, options?: KeylessOptions): Promise<BundleJson>;
  /** Returns a signature of an artifact with a key, entered in the transparency log. */
  signWithKey(descriptor: Descriptor, key: KeyObject, options?: Pick<KeylessOptions, 'shown'>): Promise<BundleJson>;
  /** Returns a keyless signature of bytes, as a bundle with a message signature. */
  signMessage(message: Uint8Array, options?: KeylessOptions): Promise<BundleJson>;
  /**
   * Returns a keyless signature in cosign's legacy format: the annotations of a layer with content
   * `payload`.
   */
  signLegacy(payload: Uint8Array, options?: KeylessOptions): Promise<Record<string, string>>;
  /**
   * Returns a keyless attestation in cosign's legacy format: content and annotations of a layer.
   */
  attestLegacy(
    statement: Uint8Array,
    options?: KeylessOptions,
  ): Promise<{ envelope: Uint8Array; annotations: Record<string, string> }>;
}

/** The times on the clocks of the services, by default now. */
export interface Clocks {
  /** Of the certificate authority and its log. Certificates are valid for ten minutes. */
  readonly certificateTime?: Date;
  /** Of the transparency log and the timestamp authority. */
  readonly logTime?: Date;
}

/** Starts a private Sigstore with new keys, whose authorities are a year old. */
export async function privateSigstore(clocks: Clocks = {}): Promise<PrivateSigstore> {
  const certificateTime = clocks.certificateTime ?? new Date();
  const logTime = clocks.logTime ?? certificateTime;
  const yearAgo = Date.now() - 364 * 86_400_000;
  const keys = Object.fromEntries(
    (['ca', 'ctlog', 'tlog', 'tsa'] as const).map((name) => [name, generateKeyPairSync('ec', { namedCurve: 'P-256' })]),
  ) as Record<Service, { publicKey: KeyObject; privateKey: KeyObject }>;
  // Whole seconds: DER drops the zeros at the end of a fraction, and the reader requires none or
  // three digits.
  const wholeSeconds = (date: Date): Date => new Date(Math.floor(date.getTime() / 1000) * 1000);
  // The certificates of the authorities are valid from their creation, and the library has no
  // option for that clock.
  mock.timers.enable({ apis: ['Date'], now: yearAgo });
  const ctlog = await initializeCTLog(keys.ctlog, certificateTime);
  const ca = await initializeCA(keys.ca, ctlog, wholeSeconds(certificateTime));
  const discreet = await initializeCA(keys.ca, undefined, wholeSeconds(certificateTime));
  const tlog = await initializeTLog(baseUrl, keys.tlog, logTime);
  const tsa = await initializeTSA(keys.tsa, wholeSeconds(logTime));
  mock.timers.reset();

  const validFor = { start: new Date(yearAgo).toISOString() };
  const logV2 = rekorV2('http://rekor-v2.sigstore.example', validFor.start);
  const logInstance = (publicKey: Buffer): object => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: publicKey.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: createHash('sha256').update(publicKey).digest('base64') },
  });
  const authority = (...certificates: ArrayBufferView<ArrayBuffer>[]): object => ({
    subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
    uri: baseUrl,
    certChain: { certificates: certificates.map((certificate) => ({ rawBytes: base64(certificate) })) },
    validFor,
  });

  async function certify({
    identity = 'https://example.com/signer',
    issuer = 'https://issuer.example',
    claims = {},
    certificateLogged = true,
  }: KeylessOptions) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificate = await (certificateLogged ? ca : discreet).issueCertificate({
      publicKey: Buffer.from(publicKey.export({ type: 'spki', format: 'der' })),
      subjectAltName: identity,
      extensions: [
        ...(issuer === null ? [] : issuerExtensions(issuer)),
        ...Object.entries(claims).map(([claim, value]) => ({ oid: claimOids[claim as Claim], value })),
      ],
    });
    return { certificate: base64(certificate), privateKey };
  }

  async function log(entry: object): Promise<LogEntry> {
    const [logged] = Object.values(await tlog.log(entry));
    return logged as unknown as LogEntry;
  }

  async function enter(entry: object, promised: boolean): Promise<object> {
    const { body, integratedTime, logID, logIndex, verification } = await log(entry);
    const { kind, apiVersion } = entry as { kind: string; apiVersion: string };
    const proof = verification.inclusionProof;
    return {
      logIndex: String(logIndex),
      logId: { keyId: Buffer.from(logID, 'hex').toString('base64') },
      kindVersion: { kind, version: apiVersion },
      integratedTime: String(integratedTime),
      ...(promised ? { inclusionPromise: { signedEntryTimestamp: verification.signedEntryTimestamp } } : {}),
      inclusionProof: {
        logIndex: String(proof.logIndex),
        rootHash: Buffer.from(proof.rootHash, 'hex').toString('base64'),
        treeSize: String(proof.treeSize),
        hashes: proof.hashes,
        checkpoint: { envelope: proof.checkpoint },
      },
      canonicalizedBody: body,
    };
  }

  const timestamp = async (signature: Buffer): Promise<string> =>
    base64(
      await tsa.timestamp({
        artifactHash: createHash('sha256').update(signature).digest(),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        nonce: randomBytes(4).readUInt32BE(),
        policyOID: '1.3.6.1.4.1.57264.2',
        certReq: true,
      }),
    );

  async function legacyEntry(entry: object): Promise<string> {
    const { body, integratedTime, logID, logIndex, verification } = await log(entry);
    return JSON.stringify({
      SignedEntryTimestamp: verification.signedEntryTimestamp,
      Payload: { body, integratedTime, logIndex, logID },
    });
  }

  const legacyTimestamp = async (content: Buffer): Promise<string> =>
    JSON.stringify({ SignedRFC3161Timestamp: await timestamp(content) });

  async function bundleOf(
    statement: Uint8Array,
    key: KeyObject,
    material: object,
    verifier: string,
    options: KeylessOptions,
  ): Promise<BundleJson> {
    const { logged = true, promised = true, timestamped = false } = options;
    const signature = sign('sha256', preAuthEncoding(statementPayloadType, statement), key);
    const envelope = {
      payload: Buffer.from(statement).toString('base64'),
      payloadType: statementPayloadType,
      signatures: [{ sig: signature.toString('base64') }],
    };
    const entry = dsseEntry(JSON.stringify(envelope), Buffer.from(options.shown ?? verifier).toString('base64'));
    return {
      mediaType: bundleMediaType,
      verificationMaterial: {
        ...material,
        tlogEntries: logged ? [await enter(entry, promised)] : [],
        timestampVerificationData: {
          rfc3161Timestamps: timestamped ? [{ signedTimestamp: await timestamp(signature) }] : [],
        },
      },
      dsseEnvelope: envelope,
    };
  }

  return {
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [logInstance(tlog.publicKey), logV2.instance],
      ctlogs: [logInstance(ctlog.publicKey)],
      certificateAuthorities: [authority(ca.rootCertificate)],
      timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
    } as PrivateSigstore['trustedRoot'],

    services: { ca, log, logV2, tsa },

    async sign(descriptor, options = {}) {
      const { certificate, privateKey } = await certify(options);
      const material = { certificate: { rawBytes: certificate } };
      return bundleOf(
        options.statement ?? signStatement(descriptor),
        privateKey,
        material,
        pem('CERTIFICATE', certificate),
        options,
      );
    },

    async signMessage(message, options = {}) {
      const { certificate, privateKey } = await certify(options);
      const signature = sign('sha256', message, privateKey);
      const entry = hashedRekord(message, signature, pem('CERTIFICATE', certificate));
      return {
        mediaType: bundleMediaType,
        verificationMaterial: {
          certificate: { rawBytes: certificate },
          tlogEntries: [await enter(entry, true)],
          timestampVerificationData: {},
        },
        messageSignature: {
          messageDigest: {
            algorithm: 'SHA2_256',
            digest: createHash('sha256').update(message).digest('base64'),
          },
          signature: signature.toString('base64'),
        },
      };
    },

    async signWithKey(descriptor, key, options = {}) {
      const verifier = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
      return bundleOf(signStatement(descriptor), key, { publicKey: { hint: '' } }, verifier, options);
    },

    async signLegacy(payload, options = {}) {
      const { logged = true, timestamped = false } = options;
      const { certificate, privateKey } = await certify(options);
      const signature = sign('sha256', payload, privateKey);
      const annotations: Record<string, string> = {
        'dev.cosignproject.cosign/signature': signature.toString('base64'),
        'dev.sigstore.cosign/certificate': pem('CERTIFICATE', certificate),
      };
      if (logged) {
        const entry = hashedRekord(payload, signature, options.shown ?? pem('CERTIFICATE', certificate));
        annotations['dev.sigstore.cosign/bundle'] = await legacyEntry(entry);
      }
      if (timestamped) annotations['dev.sigstore.cosign/rfc3161timestamp'] = await legacyTimestamp(signature);
      return annotations;
    },

    async attestLegacy(statement, options = {}) {
      const { logged = true, timestamped = false } = options;
      const { certificate, privateKey } = await certify(options);
      const signature = sign('sha256', preAuthEncoding(statementPayloadType, statement), privateKey);
      const envelope = JSON.stringify({
        payloadType: statementPayloadType,
        payload: Buffer.from(statement).toString('base64'),
        signatures: [{ keyid: '', sig: signature.toString('base64') }],
      });
      const annotations: Record<string, string> = {
        'dev.cosignproject.cosign/signature': '',
        'dev.sigstore.cosign/certificate': pem('CERTIFICATE', certificate),
      };
      if (logged) {
        const verifier = Buffer.from(pem('CERTIFICATE', certificate)).toString('base64');
        annotations['dev.sigstore.cosign/bundle'] = await legacyEntry(dsseEntry(envelope, verifier));
      }
      // cosign sends the whole envelope to the authority here.
      if (timestamped)
        annotations['dev.sigstore.cosign/rfc3161timestamp'] = await legacyTimestamp(Buffer.from(envelope));
      return { envelope: Buffer.from(envelope), annotations };
    },
  };
}

function base64(bytes: ArrayBufferView): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function pem(type: string, der: string): string {
  return `-----BEGIN ${type}-----\n${der.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END ${type}-----\n`;
}
