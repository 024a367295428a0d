import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { readProfile } from '../read-profile.ts';
import { type CallState, compareCalls, countCalls, loadReferenceDefault } from './call-counts.ts';
import type { SeccompProfile } from './model.ts';

let baseline: SeccompProfile;
before(async () => {
  baseline = await loadReferenceDefault();
});

describe('countCalls', () => {
  for (const [name, allowed, asked] of [
    ['nginx', 236, 4],
    ['audit', 352, 0],
    ['base-crun', 39, 0],
    ['base-runc', 57, 0],
    ['deny-chmod', 349, 0],
  ] as const) {
    it(`counts ${allowed} of 352 for examples/${name}.json`, () => {
      assert.deepEqual(countCalls(compareCalls(example(name), baseline)), { allowed, baseline: 352, asked });
    });
  }

  it('counts RuntimeDefault itself as whole', () => {
    assert.deepEqual(countCalls(compareCalls(baseline, baseline)), { allowed: 352, baseline: 352, asked: 0 });
  });
});

describe('compareCalls', () => {
  it('names each call once, sorted', () => {
    const names = compareCalls(example('nginx'), baseline).map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)].sort());
  });

  it('names what a profile asks for, and what only it denies', () => {
    const states = statesOf(example('nginx'));
    assert.deepEqual([...states].flatMap(([name, state]) => (state === 'asked' ? [name] : [])).sort(), [
      'clone3',
      'keyctl',
      'mount',
      'umount2',
    ]);
    assert.equal(states.get('chmod'), 'stricter');
    assert.equal(states.get('socket'), 'conditional');
    assert.equal(states.get('read'), 'allowed');
    assert.equal(states.get('reboot'), 'denied');
  });

  it('treats a call that is only logged as allowed, and one that asks a listener as denied', () => {
    const states = statesOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_LOG' },
        { names: ['write'], action: 'SCMP_ACT_TRACE' },
      ],
    });
    assert.equal(states.get('read'), 'allowed');
    assert.equal(states.get('write'), 'stricter');
  });
});

function statesOf(profile: SeccompProfile): ReadonlyMap<string, CallState> {
  return new Map(compareCalls(profile, baseline).map(({ name, state }) => [name, state]));
}

function example(name: string): SeccompProfile {
  const path = new URL(`../../../examples/${name}.json`, import.meta.url);
  const profile = readProfile(readFileSync(path));
  assert(profile.kind === 'Seccomp');
  return profile.seccomp;
}
