import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePod } from './pod.ts';

/** A value that fails the test if anything of it is read. */
const unread = Object.defineProperty({}, 'name', {
  enumerable: true,
  get: () => assert.fail('a container was read'),
});
const pod = (containers: readonly unknown[], labels: unknown = {}) => ({ metadata: { labels }, spec: { containers } });

describe('parsePod', () => {
  it('counts containers before it reads them', () => {
    assert.throws(() => parsePod(pod(Array(1001).fill(unread))), { kind: 'InvalidInput', message: /containers/ });
  });

  it('reads nothing after the first value of a wrong type', () => {
    assert.throws(() => parsePod(pod([0, unread])), { kind: 'InvalidInput', message: /containers/ });
    assert.throws(() => parsePod(pod([unread], { app: 1 })), { kind: 'InvalidInput', message: /labels.*string/ });
  });

  it('keeps labels that objects have as members, and an empty value', () => {
    const labels = JSON.parse('{"constructor":"","__proto__":"x"}');
    const { metadata } = parsePod(pod([], labels));
    assert.deepEqual(
      [...(metadata.labels ?? [])],
      [
        ['constructor', ''],
        ['__proto__', 'x'],
      ],
    );
  });
});
