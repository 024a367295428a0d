import { subscribe } from 'node:diagnostics_channel';
import { redactUrl, SentSecrets } from './redact.ts';

/** A request of undici, as its diagnostics channels publish it. */
interface PublishedRequest {
  readonly origin: string | URL;
  readonly path: string;
  readonly method: string;
  /** Names and values by turns. */
  readonly headers: readonly (string | readonly string[])[];
}

/**
 * Reports each HTTP request that this process sends, with its status and duration, and nothing of
 * its headers and bodies. Every request is sent by undici, which publishes them: none can be
 * forgotten.
 */
export function reportRequests(report: (line: string) => void): void {
  const begun = new WeakMap<PublishedRequest, number>();
  const secrets = new SentSecrets();
  const finish = (request: PublishedRequest, outcome: string): void => {
    const began = begun.get(request);
    if (began === undefined) return;
    begun.delete(request);
    const took = Math.round(performance.now() - began);
    report(secrets.redact(`${describeRequest(request)}: ${outcome} in ${took} ms`));
  };
  subscribe('undici:request:create', (message) => {
    const { request } = message as { readonly request: PublishedRequest };
    begun.set(request, performance.now());
    for (let at = 0; at + 1 < request.headers.length; at += 2) {
      for (const value of [request.headers[at + 1] ?? ''].flat()) secrets.addHeader(String(request.headers[at]), value);
    }
  });
  subscribe('undici:request:headers', (message) => {
    const { request, response } = message as {
      readonly request: PublishedRequest;
      readonly response: { readonly statusCode: number };
    };
    finish(request, String(response.statusCode));
  });
  subscribe('undici:request:error', (message) => {
    const { request, error } = message as { readonly request: PublishedRequest; readonly error: NodeJS.ErrnoException };
    // Its message may quote what was received.
    finish(request, `failed (${error.code ?? error.name})`);
  });
}

function describeRequest({ method, origin, path }: PublishedRequest): string {
  if (method === 'CONNECT') return `CONNECT ${path} through ${new URL(origin).origin}`;
  return `${method} ${redactUrl(new URL(path, origin))}`;
}
