import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span, as OTLP's JSON has it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code?: number };
}

/** A receiver of traces by OTLP over HTTP. */
export interface Collector {
  readonly url: string;
  readonly requests: readonly { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[];
  /** All bodies, as they arrived. */
  readonly bodies: readonly string[];
  /** The attributes of the resources. */
  resource(): Readonly<Record<string, unknown>>;
  spans(): readonly ReceivedSpan[];
  stop(): Promise<void>;
}

/** Starts a collector on loopback. One that hangs takes requests and does not answer. */
export async function startCollector({ hangs = false } = {}): Promise<Collector> {
  const requests: Collector['requests'][number][] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url, headers: request.headers });
    if (hangs) return;
    text(request).then((body) => {
      bodies.push(body);
      response.setHeader('content-type', 'application/json').end('{}');
    }, response.destroy.bind(response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const batches = () => bodies.flatMap((body) => JSON.parse(body).resourceSpans);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bodies,
    resource: () => values(batches()[0]?.resource.attributes ?? []),
    spans: () =>
      batches()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }: { spans: object[] }) => spans))
        .map((span) => ({ ...span, attributes: values(span.attributes) })),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function values(attributes: readonly { key: string; value: object }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
