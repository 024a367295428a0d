import type { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceParent } from './trace-parent.ts';

/** Paths that are asked for every few seconds by probes and Prometheus. */
const untraced: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Makes a span of each request of a server, as a child of the span that the caller names in
 * `traceparent`, and has the request worked on in its context. The query, which may be anything, is
 * not recorded.
 */
export function traceRequests(app: FastifyInstance, tracer: Tracer, contexts: AsyncLocalStorage<Context>): void {
  const started = new WeakMap<FastifyRequest, Context>();
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    if (untraced.has(route)) return done();
    const { method, headers, protocol, url } = request;
    const parent = parseTraceParent(headers['traceparent']);
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const attributes = {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_URL_SCHEME]: protocol,
      [ATTR_URL_PATH]: url.split('?', 1)[0] ?? '',
      ...(route !== undefined && { [ATTR_HTTP_ROUTE]: route }),
    };
    const name = route === undefined ? method : `${method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, context);
    const own = trace.setSpan(context, span);
    started.set(request, own);
    contexts.run(own, done);
  });
  // A body arrives in events of the connection, which have no context.
  app.addHook('preValidation', (request, _reply, done) => {
    const context = started.get(request);
    if (context === undefined) done();
    else contexts.run(context, done);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const context = started.get(request);
    const span = context === undefined ? undefined : trace.getSpan(context);
    const { statusCode } = reply;
    span?.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, statusCode);
    if (statusCode >= 500) {
      span?.setAttribute(ATTR_ERROR_TYPE, String(statusCode)).setStatus({ code: SpanStatusCode.ERROR });
    }
    span?.end();
    done();
  });
}
