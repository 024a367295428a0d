import { type Context, TraceFlags, trace } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';
import type { Sampling } from './settings.ts';

/**
 * Decides which traces are recorded. Callers can leave their traces out, and can neither have more
 * recorded than is configured nor choose which: the SDK's samplers trust the flag of the caller,
 * and take the share by the trace id, which the caller chooses.
 */
export class CallersSampler implements Sampler {
  readonly #sampling: Sampling;

  constructor(sampling: Sampling) {
    this.#sampling = sampling;
  }

  shouldSample(context: Context): SamplingResult {
    return { decision: this.#isSampled(context) ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
  }

  #isSampled(context: Context): boolean {
    const { ratio, parentBased } = this.#sampling;
    const parent = trace.getSpanContext(context);
    const isSampled = parent !== undefined && (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
    if (parent !== undefined && parent.isRemote !== true) return isSampled;
    if (parent !== undefined && parentBased && !isSampled) return false;
    return Math.random() < ratio;
  }

  toString(): string {
    return `CallersSampler{${JSON.stringify(this.#sampling)}}`;
  }
}
