import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeAuthority, makeCertificate } from './certificates.ts';
import { startEtcd } from './etcd.ts';
import { type KubernetesRequest, kubeconfigOf, requestAs, serverNames } from './kubernetes-access.ts';
import { peer } from './peer.ts';
import { finishFolder, freePort, type Program, startProgram, temporaryFolder } from './program.ts';
import type { Requirement } from './require.ts';

/**
 * A running crdserver with its etcd: custom resources as the newest Kubernetes serves them (CEL,
 * conversion webhooks, server-side apply, watches), and nothing else. It has no namespaces (each
 * name is one), no pods, no RBAC, and calls no admission webhooks.
 */
export interface Crdserver {
  readonly url: string;
  /** The path of a kubeconfig with all rights; certificates are inside. */
  readonly kubeconfig: string;
  readonly log: string;
  readonly pids: { readonly etcd: number; readonly crdserver: number };
  /** Asks the API as admin. */
  readonly request: KubernetesRequest;
  stop(): Promise<void>;
}

/** What a suite with a crdserver needs. */
export const crdserverRequirements: readonly Requirement[] = ['etcd', 'crdserver', 'openssl'];

/** Starts etcd and crdserver on loopback, and waits until it is ready. */
export async function startCrdserver(): Promise<Crdserver> {
  const folder = temporaryFolder('crdserver');
  const pki = path.join(folder, 'pki');
  mkdirSync(pki);
  const authority = await makeAuthority(pki, '/CN=fairlead-test-ca');
  const [server, admin, port, etcd] = await Promise.all([
    makeCertificate(pki, authority, { name: 'server', subject: '/CN=crdserver', serverNames }),
    makeCertificate(pki, authority, { name: 'admin', subject: '/O=system:masters/CN=admin' }),
    freePort(),
    startEtcd(folder),
  ]);
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = path.join(folder, 'admin.kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(url, authority, admin)));
  // It requires a server of the core API for tokens, access reviews and namespaces. None runs here.
  const nowhere = path.join(folder, 'nowhere.kubeconfig');
  writeFileSync(nowhere, JSON.stringify(kubeconfigOf('https://127.0.0.1:9', authority, admin)));
  const request = requestAs(url, authority, admin);
  const flags = {
    'etcd-servers': etcd.url,
    'bind-address': '127.0.0.1',
    'secure-port': String(port),
    'tls-cert-file': server.certificateFile,
    'tls-private-key-file': server.keyFile,
    'client-ca-file': authority.certificateFile,
    'requestheader-client-ca-file': authority.certificateFile,
    'authentication-skip-lookup': 'true',
    'authentication-kubeconfig': nowhere,
    'authorization-kubeconfig': nowhere,
    kubeconfig: nowhere,
    'enable-priority-and-fairness': 'false',
    'disable-admission-plugins': [
      ...['NamespaceLifecycle', 'MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'],
      ...['MutatingAdmissionPolicy', 'ValidatingAdmissionPolicy'],
    ].join(','),
  };
  let crdserver: Program;
  try {
    crdserver = await startProgram({
      name: 'crdserver',
      command: peer('crdserver'),
      args: Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      folder,
      // Never /readyz, which waits for the core API.
      ready: async () => (await request('GET', '/healthz')).status === 200,
      timeout: 60_000,
    });
  } catch (error) {
    await etcd.stop();
    throw error;
  }
  return {
    url,
    kubeconfig,
    log: crdserver.log,
    pids: { etcd: etcd.pid, crdserver: crdserver.pid },
    request,
    async stop() {
      await crdserver.stop();
      await etcd.stop();
      rmSync(path.join(folder, 'etcd'), { recursive: true, force: true });
      finishFolder(folder);
    },
  };
}
