import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSigningConfig, readWitnesses } from './signing-config.ts';

const now = Date.parse('2026-06-01T00:00:00Z');

interface Times {
  readonly start?: string;
  readonly end?: string;
}

function service(name: string, validFor: Times = {}, majorApiVersion = 1): object {
  return {
    url: `https://${name}.example/`,
    majorApiVersion,
    validFor: { start: '2020-01-01T00:00:00Z', ...validFor },
    operator: 'test',
  };
}

function config(changes: object): Uint8Array {
  return Buffer.from(JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json', ...changes }));
}

const urls = (services: readonly object[], selection: object): readonly string[] =>
  readWitnesses(config({ tsaUrls: services, tsaConfig: selection }), now).timestampAuthorities;

describe('a signing config', () => {
  const past = service('past', { end: '2026-05-31T23:59:59Z' });
  const future = service('future', { start: '2026-06-01T00:00:01Z' });
  const ending = service('ending', { end: '2026-06-01T00:00:00Z' });
  const newer = service('newer', { start: '2025-01-01T00:00:00Z' });

  it('returns the services that are valid now, the newest first', () => {
    assert.deepEqual(urls([past, ending, future, newer], { selector: 'ALL' }), [
      'https://newer.example',
      'https://ending.example',
    ]);
    assert.deepEqual(urls([ending, newer], { selector: 'ANY' }), ['https://newer.example']);
    assert.deepEqual(urls([ending, newer], { selector: 'EXACT', count: 2 }).length, 2);
  });

  it('returns those with a supported API version', () => {
    const logs = [service('first'), service('second', {}, 2), service('third', {}, 3)];
    const { logs: found } = readWitnesses(
      config({ rekorTlogUrls: logs, rekorTlogConfig: { selector: 'ALL' }, tsaUrls: [service('t', {}, 2)] }),
      now,
    );
    assert.deepEqual(found, [
      { url: 'https://first.example', version: 1 },
      { url: 'https://second.example', version: 2 },
    ]);
  });

  it('is refused if it requires more services than are usable', () => {
    for (const [services, selection] of [
      [[past, future], { selector: 'ANY' }],
      [[newer, past], { selector: 'EXACT', count: 2 }],
    ] as const) {
      assert.throws(() => urls(services, selection), { kind: 'InvalidInput', message: /timestamp authorities, and/ });
    }
    assert.throws(() => readSigningConfig(config({ caUrls: [past] }), now), {
      kind: 'InvalidInput',
      message: /no usable certificate authority/,
    });
  });
});
