import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Certificate, makeAuthority, makeCertificate } from './certificates.ts';
import { startEtcd } from './etcd.ts';
import { type KubernetesRequest, kubeconfigOf, requestAs, serverNames } from './kubernetes-access.ts';
import { peer } from './peer.ts';
import { finishFolder, freePort, type Program, startProgram, temporaryFolder } from './program.ts';
import type { Requirement } from './require.ts';

/**
 * A running kube-apiserver with its etcd, and nothing else of Kubernetes: no controllers, no
 * scheduler, no nodes.
 */
export interface Apiserver {
  readonly url: string;
  /** The path of a kubeconfig with all rights (group system:masters); certificates are inside. */
  readonly kubeconfig: string;
  readonly log: string;
  readonly pids: { readonly etcd: number; readonly apiserver: number };
  /** Asks the API as admin. */
  readonly request: KubernetesRequest;
  /**
   * Ends the API server, runs `meanwhile`, and starts it again, with the same etcd. It is another
   * process then: `pids` are of the first one.
   */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** What an API server is started with besides what every test needs. */
export interface ApiserverOptions {
  /** Flags without their dashes, such as `feature-gates`. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** What a suite with an API server needs. */
export const apiserverRequirements: readonly Requirement[] = ['etcd', 'kube-apiserver', 'openssl'];

/**
 * Returns the minor version of the kube-apiserver that {@link startApiserver} starts: 20 for
 * Kubernetes 1.20.
 */
export function apiserverMinor(): number {
  const printed = execFileSync(peer('kube-apiserver'), ['--version'], { encoding: 'utf8' });
  const minor = /^Kubernetes v1\.(\d+)\./.exec(printed)?.[1];
  if (minor === undefined) throw new Error(`kube-apiserver --version prints ${JSON.stringify(printed)}`);
  return Number(minor);
}

/**
 * Starts etcd and kube-apiserver on loopback, with admission webhooks, and waits until the
 * namespace `default` is there. The ServiceAccount admission is off, since no controller makes the
 * account that it asks for.
 */
export async function startApiserver(options: ApiserverOptions = {}): Promise<Apiserver> {
  const folder = temporaryFolder('apiserver');
  const pki = path.join(folder, 'pki');
  mkdirSync(pki);
  const authority = await makeAuthority(pki, '/CN=fairlead-test-ca');
  const [server, admin, port, etcd] = await Promise.all([
    makeCertificate(pki, authority, { name: 'server', subject: '/CN=kube-apiserver', serverNames }),
    makeCertificate(pki, authority, { name: 'admin', subject: '/O=system:masters/CN=admin' }),
    freePort(),
    startEtcd(folder),
  ]);
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = path.join(folder, 'admin.kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(url, authority, admin)));
  const request = requestAs(url, authority, admin);
  const start = (): Promise<Program> =>
    startProgram({
      name: 'kube-apiserver',
      command: peer('kube-apiserver'),
      args: flags(
        { port, etcd: etcd.url, authority, server, serviceAccountKeys: writeServiceAccountKeys(pki) },
        options.flags,
      ),
      folder,
      ready: async () =>
        (await request('GET', '/readyz')).status === 200 &&
        (await request('GET', '/api/v1/namespaces/default')).status === 200,
      timeout: 120_000,
    });
  let apiserver: Program;
  try {
    apiserver = await start();
  } catch (error) {
    await etcd.stop();
    throw error;
  }
  return {
    url,
    kubeconfig,
    log: apiserver.log,
    pids: { etcd: etcd.pid, apiserver: apiserver.pid },
    request,
    async restart(meanwhile) {
      await apiserver.stop();
      await meanwhile?.();
      apiserver = await start();
    },
    async stop() {
      await apiserver.stop();
      await etcd.stop();
      rmSync(path.join(folder, 'etcd'), { recursive: true, force: true });
      finishFolder(folder);
    },
  };
}

interface Setting {
  readonly port: number;
  readonly etcd: string;
  readonly authority: Certificate;
  readonly server: Certificate;
  readonly serviceAccountKeys: { readonly privateFile: string; readonly publicFile: string };
}

function flags(
  { port, etcd, authority, server, serviceAccountKeys }: Setting,
  more: Readonly<Record<string, string>> = {},
): string[] {
  const values = {
    'etcd-servers': etcd,
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(port),
    'endpoint-reconciler-type': 'none',
    'tls-cert-file': server.certificateFile,
    'tls-private-key-file': server.keyFile,
    'client-ca-file': authority.certificateFile,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': serviceAccountKeys.publicFile,
    'service-account-signing-key-file': serviceAccountKeys.privateFile,
    'service-cluster-ip-range': '10.96.0.0/16',
    'authorization-mode': 'RBAC',
    'allow-privileged': 'true',
    'enable-admission-plugins': 'MutatingAdmissionWebhook,ValidatingAdmissionWebhook',
    'disable-admission-plugins': 'ServiceAccount',
    ...more,
  };
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

function writeServiceAccountKeys(folder: string): { privateFile: string; publicFile: string } {
  const files = { privateFile: path.join(folder, 'sa.key'), publicFile: path.join(folder, 'sa.pub') };
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(files.privateFile, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  writeFileSync(files.publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return files;
}
