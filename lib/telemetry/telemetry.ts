import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type Context, DiagLogLevel, diag, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { FastifyInstance } from 'fastify';
import { LimitedLog, type TelemetryLog } from './limited-log.ts';
import { traceRequests } from './requests.ts';
import { CallersSampler } from './sampler.ts';
import type { Sampling } from './settings.ts';
import { traceWork } from './work.ts';

export interface TelemetryOptions {
  readonly sampling: Sampling;
  readonly version: string;
  /** Receives what goes wrong with sending. */
  readonly log: TelemetryLog;
}

/** Longest value of an attribute, in characters. */
const longestValue = 512;
/** Milliseconds to send the last spans while the process stops. */
const stopPatience = 2_000;

/**
 * Sends traces by OTLP over HTTP, as the OTEL_EXPORTER_OTLP_… variables specify. Spans wait in a
 * queue of the SDK, which drops them if it is full: a collector that does not answer delays no
 * request.
 */
export class Telemetry {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  /** The context in which the current request is worked on. */
  readonly #contexts = new AsyncLocalStorage<Context>();
  readonly #stopWork: () => void;

  constructor({ sampling, version, log }: TelemetryOptions) {
    const limited = new LimitedLog(log);
    diag.setLogger(limited, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const own = resourceFromAttributes({ [ATTR_SERVICE_NAME]: 'fairlead', [ATTR_SERVICE_VERSION]: version });
    this.#provider = new TracerProvider({
      resource: own.merge(detectResources({ detectors: [envDetector] })),
      sampler: new CallersSampler(sampling),
      spanLimits: { attributeValueLengthLimit: longestValue },
      spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
    });
    this.#tracer = this.#provider.getTracer('fairlead', version);
    this.#stopWork = traceWork(this.#tracer, this.#contexts);
  }

  /** Makes a span of each request of a server. To be called before its routes are added. */
  readonly observe = (app: FastifyInstance): void => traceRequests(app, this.#tracer, this.#contexts);

  /** Sends what is left, for at most two seconds, and stops. */
  async stop(): Promise<void> {
    this.#stopWork();
    const late = delay(stopPatience, undefined, { ref: false });
    await Promise.race([this.#provider.shutdown(), late]).catch((error: unknown) =>
      diag.error('the last traces were not sent', error),
    );
    diag.disable();
  }
}
