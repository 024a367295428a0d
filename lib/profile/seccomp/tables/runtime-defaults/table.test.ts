import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RuntimeDefaultRule, RuntimeDefaultTable } from './table.ts';
import { allow, refuse, revise } from './table.ts';

const admin = { allCaps: ['CAP_SYS_ADMIN'] };
const earlier: RuntimeDefaultTable = {
  runtime: 'containerd',
  versions: [['1.0.0', '1.0.9']],
  source: 'somewhere',
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  rules: [
    allow('read write'),
    allow('mount', admin),
    allow('socket', undefined, [{ index: 0, value: 40n, op: 'SCMP_CMP_NE' }]),
  ],
};
const later = { versions: [['1.1.0', '1.1.0']], source: 'elsewhere' } as const;

describe('revise', () => {
  const rules = (change: { add?: readonly RuntimeDefaultRule[]; remove?: readonly RuntimeDefaultRule[] }) =>
    revise(earlier, { ...later, ...change }).rules;

  it('keeps the runtime and the default, and the rules that do not change', () => {
    assert.deepEqual(revise(earlier, later), { ...earlier, ...later });
  });

  it('adds names to the rule that is alike, and other rules at the end', () => {
    assert.deepEqual(rules({ add: [allow('open'), allow('umount', admin), allow('bpf', { allCaps: ['CAP_BPF'] })] }), [
      allow('open read write'),
      allow('mount umount', admin),
      earlier.rules[2],
      allow('bpf', { allCaps: ['CAP_BPF'] }),
    ]);
    assert.equal(rules({ add: [refuse(38, 'open')] }).length, 4);
    assert.equal(rules({ add: [allow('socket', undefined, [{ index: 1, value: 40n, op: 'SCMP_CMP_NE' }])] }).length, 4);
  });

  it('removes names, and rules without any left, before it adds', () => {
    assert.deepEqual(rules({ remove: [allow('read'), allow('mount', admin)], add: [allow('mount')] }), [
      allow('mount write'),
      earlier.rules[2],
    ]);
  });

  it('refuses to remove what is not there, or to add what is', () => {
    assert.throws(() => rules({ remove: [allow('open')] }), /no such rule for open/);
    assert.throws(() => rules({ remove: [allow('mount')] }), /no such rule for mount/);
    assert.throws(() => rules({ remove: [refuse(1, 'read')] }), /no such rule for read/);
    assert.throws(() => rules({ remove: [allow('socket')] }), /no such rule for socket/);
    assert.throws(() => rules({ add: [allow('open read')] }), /rule for read already/);
  });
});
