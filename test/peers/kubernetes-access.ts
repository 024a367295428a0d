import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Certificate } from './certificates.ts';

/** An answer of the API. */
export interface KubernetesAnswer {
  readonly status: number;
  /** JSON, or text if it is something else. */
  readonly body: unknown;
  /** The texts of the warnings. */
  readonly warnings: readonly string[];
}

/** Asks the API; the body is sent and read as JSON, under `application/json` by default. */
export type KubernetesRequest = (
  method: string,
  path: string,
  body?: object,
  contentType?: string,
  accept?: string,
) => Promise<KubernetesAnswer>;

/** The names that the certificate of an API server on loopback is for. */
export const serverNames =
  'IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc';

/** Returns a kubeconfig of a user, with the certificates inside. */
export function kubeconfigOf(url: string, authority: Certificate, user: Certificate): object {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority.certificate) } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
      },
    ],
  };
}

/** Returns a function that asks an API server as a user. */
export function requestAs(url: string, authority: Certificate, user: Certificate): KubernetesRequest {
  const identity = { ca: authority.certificate, cert: user.certificate, key: user.key };
  return (method, path, body, contentType = 'application/json', accept = 'application/json') =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': contentType, accept };
      const sent = httpsRequest(new URL(path, url), { method, ...identity, headers, agent: false }, (response) => {
        text(response).then((answer) => {
          const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
          const warning = response.headersDistinct['warning'] ?? [];
          resolve({
            status: response.statusCode ?? 0,
            body: isJson ? JSON.parse(answer) : answer,
            warnings: warning.map((each) => /^299 \S+ "(.*)"$/s.exec(each)?.[1] ?? each),
          });
        }, reject);
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
