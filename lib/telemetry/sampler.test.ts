import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { FairleadError } from '#lib/errors';
import { CallersSampler } from './sampler.ts';
import { readSampling } from './settings.ts';
import { parseTraceParent } from './trace-parent.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
/** A trace id that the SDK records at any ratio, and a caller's flag that asks for it. */
const asking = '00-00000000000000000000000000000001-00f067aa0ba902b7-01';

describe('readSampling', () => {
  it('returns what OTEL_TRACES_SAMPLER says, by default all traces that callers do not leave out', () => {
    assert.deepEqual(readSampling(endpoint), { ratio: 1, parentBased: true });
    assert.deepEqual(
      readSampling({ ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' }),
      { ratio: 0.25, parentBased: false },
    );
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' };
    assert.deepEqual(readSampling({ ...own, OTEL_TRACES_SAMPLER: 'always_off' }), { ratio: 0, parentBased: false });
  });

  it('returns undefined without an endpoint, and if traces are turned off', () => {
    assert.equal(readSampling({ OTEL_SERVICE_NAME: 'fairlead' }), undefined);
    assert.equal(readSampling({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), undefined);
    assert.equal(readSampling({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), undefined);
  });

  it('throws InvalidInput for values that would be ignored', () => {
    for (const invalid of [{ OTEL_TRACES_SAMPLER: 'sometimes' }, { OTEL_TRACES_SAMPLER_ARG: '1.5' }]) {
      const isInvalid = (error: unknown) => error instanceof FairleadError && error.kind === 'InvalidInput';
      assert.throws(() => readSampling({ ...endpoint, ...invalid }), isInvalid);
    }
  });
});

describe('CallersSampler', () => {
  const decide = (ratio: number, parentBased: boolean, traceparent?: string): SamplingDecision => {
    const parent = parseTraceParent(traceparent);
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    return new CallersSampler({ ratio, parentBased }).shouldSample(context).decision;
  };
  const [recorded, left] = [SamplingDecision.RECORD_AND_SAMPLED, SamplingDecision.NOT_RECORD];

  it('records no more for callers than is configured', () => {
    assert.equal(decide(0, true, asking), left);
    assert.equal(decide(1, true, asking), recorded);
    const share = Array.from({ length: 1000 }, () => decide(0.5, true, asking));
    assert.ok(share.includes(left) && share.includes(recorded));
  });

  it('leaves out what a caller does not record, if it is to follow the parent', () => {
    const unasked = asking.replace(/01$/, '00');
    assert.equal(decide(1, true, unasked), left);
    assert.equal(decide(1, false, unasked), recorded);
  });
});

describe('parseTraceParent', () => {
  it('reads version 00 and the known part of later versions', () => {
    assert.deepEqual(parseTraceParent(asking), {
      traceId: '00000000000000000000000000000001',
      spanId: '00f067aa0ba902b7',
      traceFlags: 1,
      isRemote: true,
    });
    assert.equal(parseTraceParent(asking.replace(/^00(.*)$/, '01$1-more'))?.spanId, '00f067aa0ba902b7');
  });

  it('returns undefined for what the standard calls invalid', () => {
    for (const invalid of [
      undefined,
      [asking, asking],
      '',
      `${asking}-more`,
      asking.replace(/^00/, 'ff'),
      asking.toUpperCase().replace('F', 'G'),
      '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
      '00-00000000000000000000000000000001-0000000000000000-01',
      `00-${'1'.repeat(10_000)}-00f067aa0ba902b7-01`,
    ])
      assert.equal(parseTraceParent(invalid), undefined, String(invalid));
  });
});
