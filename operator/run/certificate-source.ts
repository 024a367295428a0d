import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { FairleadError } from '#lib/errors';
import { FollowedCertificate } from '#lib/http/followed-certificate';
import { ServedTls } from '#lib/http/served-tls';
import { readAuthorities, TlsFiles } from '#lib/http/tls-files';
import type { WritableApiServer } from '#lib/kube/api-server';
import { OperatorCertificates } from '../certificates/operator-certificates.ts';
import { temporaryPair } from '../certificates/temporary-pair.ts';
import { FollowedAuthorities } from './followed-authorities.ts';

export interface CertificateFiles {
  /** PEM files; without them, the operator makes the certificate. */
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly clientCa?: string | undefined;
}

/** Where the certificate of the webhooks comes from. */
export interface CertificateSource {
  readonly tls: ServedTls;
  /** Begins to follow the source, and to use what replaces the certificate. */
  start(): Promise<void>;
  /** Throws the reason why the certificate is not one that API servers accept. */
  check(): void;
  stop(): Promise<void>;
}

const serviceName = 'fairlead-operator';
const defaultNamespace = 'fairlead-system';
const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/**
 * Opens the files, or the Secret of the operator if none are given. Throws InvalidInput for files
 * that cannot be used.
 */
export async function openCertificateSource(
  files: CertificateFiles,
  { api, host, log }: { api: WritableApiServer; host: string; log: FastifyBaseLogger },
): Promise<CertificateSource> {
  const { tlsCert, tlsKey, clientCa } = files;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return new FileSource(await TlsFiles.open({ cert: tlsCert, key: tlsKey, clientCa }), log);
  }
  if (tlsCert !== undefined || tlsKey !== undefined) {
    throw new FairleadError('InvalidInput', 'a certificate needs its key, and a key its certificate', {
      hint: 'Set both `tlsCert` and `tlsKey`, or none.',
    });
  }
  const ca = clientCa === undefined ? undefined : await readAuthorities(clientCa);
  const namespace = await ownNamespace();
  const names = [`${serviceName}.${namespace}.svc`, ...(isIP(host) !== 0 && !isWildcard(host) ? [host] : [])];
  // Until the Secret is read, kubelets can at least ask whether the process is alive.
  const tls = new ServedTls({ ...temporaryPair(names), ca });
  return new SecretSource({ api, namespace, names, tls, log }, clientCa);
}

const renewal = 'renew it (docs/guides/cluster.md)';
const consequence = {
  expired: `API servers do not accept it, and admit no pod; ${renewal}`,
  soon: `no pod is admitted from then on; ${renewal}`,
};

class FileSource implements CertificateSource {
  readonly tls: TlsFiles;
  readonly #followed: FollowedCertificate;

  constructor(tls: TlsFiles, log: FastifyBaseLogger) {
    this.tls = tls;
    this.#followed = new FollowedCertificate(tls, log, consequence);
  }

  async start(): Promise<void> {
    this.#followed.start();
  }

  check(): void {
    // An expired one is warned of.
  }

  async stop(): Promise<void> {
    this.#followed.stop();
  }
}

interface SecretOptions {
  readonly api: WritableApiServer;
  readonly namespace: string;
  readonly names: readonly string[];
  readonly tls: ServedTls;
  readonly log: FastifyBaseLogger;
}

class SecretSource implements CertificateSource {
  readonly tls: ServedTls;
  readonly #options: SecretOptions;
  readonly #clientCa: string | undefined;
  readonly #certificates: OperatorCertificates;
  #authorities: FollowedAuthorities | undefined;

  constructor(options: SecretOptions, clientCa: string | undefined) {
    this.tls = options.tls;
    this.#options = options;
    this.#clientCa = clientCa;
    this.#certificates = new OperatorCertificates(options);
  }

  async start(): Promise<void> {
    const { tls, log } = this.#options;
    if (this.#clientCa !== undefined) this.#authorities = new FollowedAuthorities(this.#clientCa, tls, log);
    await this.#certificates.start();
  }

  check(): void {
    this.#certificates.check();
  }

  async stop(): Promise<void> {
    this.#authorities?.stop();
    await this.#certificates.stop();
  }
}

/** Returns the namespace of the pod that we run in. */
export async function ownNamespace(): Promise<string> {
  try {
    return (await readFile(namespaceFile, 'utf8')).trim();
  } catch {
    return defaultNamespace;
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}
