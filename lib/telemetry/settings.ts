import { FairleadError } from '#lib/errors';

/** Which traces are recorded: OTEL_TRACES_SAMPLER. */
export interface Sampling {
  /** Of the traces that begin here, the share that is recorded: 0 to 1. */
  readonly ratio: number;
  /** Whether a trace that a caller began and does not record is left out as well. */
  readonly parentBased: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const samplers: Readonly<Record<string, (argument: number) => Sampling>> = {
  always_on: () => ({ ratio: 1, parentBased: false }),
  always_off: () => ({ ratio: 0, parentBased: false }),
  traceidratio: (ratio) => ({ ratio, parentBased: false }),
  parentbased_always_on: () => ({ ratio: 1, parentBased: true }),
  parentbased_always_off: () => ({ ratio: 0, parentBased: true }),
  parentbased_traceidratio: (ratio) => ({ ratio, parentBased: true }),
};

/**
 * Returns how traces are sampled, or undefined if none are to be sent: without an endpoint, and if
 * OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER turn them off. The SDK reads the other variables
 * itself. Throws InvalidInput for values that it would ignore.
 */
export function readSampling(env: Environment): Sampling | undefined {
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return undefined;
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on';
  const sampler = samplers[name];
  if (sampler === undefined) {
    throw new FairleadError('InvalidInput', `invalid OTEL_TRACES_SAMPLER "${name}"`, {
      hint: `Want one of ${Object.keys(samplers).join(', ')}.`,
    });
  }
  const ratio = Number(env['OTEL_TRACES_SAMPLER_ARG'] || 1);
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new FairleadError('InvalidInput', `invalid OTEL_TRACES_SAMPLER_ARG "${env['OTEL_TRACES_SAMPLER_ARG']}"`, {
      hint: 'Want a number from 0 to 1.',
    });
  }
  return sampler(ratio);
}
