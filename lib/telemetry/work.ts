import type { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { ATTR_ERROR_TYPE } from '@opentelemetry/semantic-conventions';
import { toFairleadError } from '#lib/errors';
import { type RunningWork, tracedWork } from '#lib/traced';

/** Makes a span of all work that is reported by `traced`. Returns what ends this. */
export function traceWork(tracer: Tracer, contexts: AsyncLocalStorage<Context>): () => void {
  const spans = new WeakMap<object, Span>();
  const start = ({ name, kind, attributes }: RunningWork): Span =>
    tracer.startSpan(
      name,
      { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes },
      contexts.getStore() ?? ROOT_CONTEXT,
    );
  tracedWork.start.bindStore(contexts, (work) => {
    const span = start(work);
    spans.set(work, span);
    return trace.setSpan(contexts.getStore() ?? ROOT_CONTEXT, span);
  });
  const listeners = {
    error(work: RunningWork & { readonly error: unknown }): void {
      // The message may quote what a caller or a registry wrote.
      const { kind } = toFairleadError(work.error);
      spans.get(work)?.setAttribute(ATTR_ERROR_TYPE, kind).setStatus({ code: SpanStatusCode.ERROR });
    },
    asyncEnd(work: RunningWork): void {
      spans.get(work)?.setAttributes(work.attributes).end();
    },
  };
  tracedWork.subscribe(listeners as never);
  return () => {
    tracedWork.unsubscribe(listeners as never);
    tracedWork.start.unbindStore(contexts);
  };
}
