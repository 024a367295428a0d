import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Condition, setCondition } from './conditions.ts';

const first = new Date('2026-01-01T10:00:00.123Z');
const later = new Date('2026-01-02T10:00:00Z');
const ready = { type: 'Ready', status: 'True', reason: 'Installed', message: 'on 3 nodes' } as const;

describe('setCondition', () => {
  it('adds a condition after the others, with the time in seconds', () => {
    const other: Condition = { ...ready, type: 'Other', lastTransitionTime: '2025-01-01T00:00:00Z' };
    assert.deepEqual(setCondition([other], { ...ready, observedGeneration: 3 }, first), [
      other,
      { ...ready, observedGeneration: 3, lastTransitionTime: '2026-01-01T10:00:00Z' },
    ]);
  });

  it('keeps the time unless the status changes', () => {
    const before = setCondition([], ready, first);
    const [same] = setCondition(before, { ...ready, reason: 'Other', message: 'on 4 nodes' }, later);
    assert.deepEqual([same?.message, same?.lastTransitionTime], ['on 4 nodes', '2026-01-01T10:00:00Z']);
    const [changed] = setCondition(before, { ...ready, status: 'False' }, later);
    assert.equal(changed?.lastTransitionTime, '2026-01-02T10:00:00Z');
  });

  it('keeps what it was given as it was', () => {
    const before = Object.freeze(setCondition([], ready, first));
    const after = setCondition(before, { ...ready, status: 'Unknown' }, later);
    assert.equal(before[0]?.status, 'True');
    assert.notEqual(after, before);
    assert.deepEqual(setCondition(before, ready, later), before);
  });

  it('cuts off a message that is too long, between characters', () => {
    const messageOf = (message: string) => setCondition([], { ...ready, message }, first)[0]?.message ?? '';
    assert.equal(messageOf('x'.repeat(32_768)).length, 32_768);
    assert.equal(messageOf('😀'.repeat(32_768)), '😀'.repeat(32_768));
    assert.equal(messageOf('😀'.repeat(32_769)), `${'😀'.repeat(32_767)}…`);
    assert.equal(messageOf('a\ud800b'), 'a\ufffdb');
  });

  it('refuses types and reasons that no API server accepts', () => {
    for (const reason of ['', 'with space', '1st', 'Ends,', 'a'.repeat(1025), 'ä', 'a\n']) {
      assert.throws(() => setCondition([], { ...ready, reason }, first), { kind: 'Internal', message: /reason/ });
    }
    for (const type of ['', 'with space', '-a', 'a/b/c', `a${'.'.repeat(400)}a`, 'A.example/B', 'a\n']) {
      assert.throws(() => setCondition([], { ...ready, type }, first), { kind: 'Internal', message: /type/ });
    }
    for (const type of ['Ready', 'fairlead.dev/NotSupported', 'a.b-c_d']) {
      assert.equal(setCondition([], { ...ready, type, reason: 'A1_b:c,d_' }, first).length, 1);
    }
  });
});
