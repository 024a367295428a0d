import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { completeProfile } from './complete.ts';
import { allowedCalls } from './profiles.ts';
import type { Recording } from './recording.ts';

const recording: Recording = {
  package: 'a',
  version: '1',
  kernel: '6.18',
  architecture: 'amd64',
  families: ['AF_NETLINK'],
  calls: ['clone3', 'inotify_init1', 'io_uring_setup', 'mknod'],
};
const grantable = new Set(['inotify_add_watch', 'inotify_init1', 'mknodat', 'newfstatat', 'stat', 'stat64', 'waitid']);
const bases = [{ defaultAction: 'SCMP_ACT_ERRNO' as const, syscalls: [] }];

describe('completeProfile', () => {
  const profile = completeProfile({ recordings: [recording], bases, more: ['wait4'], grantable });
  const allowed = allowedCalls(profile);

  it('adds the calls that do the same, and those that every program may make', () => {
    for (const name of ['inotify_add_watch', 'mknodat', 'stat', 'newfstatat', 'waitid'])
      assert.ok(allowed.has(name), name);
  });

  it('leaves out what nodes do not grant, clone3, and calls of 32-bit architectures', () => {
    for (const name of ['io_uring_setup', 'clone3', 'mknod', 'stat64']) assert.ok(!allowed.has(name), name);
  });

  it('allows sockets of the usual and the recorded families alone', () => {
    const families = profile.syscalls
      ?.filter(({ names }) => names.includes('socket'))
      .map(({ args }) => args?.[0]?.value);
    assert.deepEqual(families, [1n, 2n, 10n, 16n]);
    const unknown = { ...recording, families: ['AF_ALG'] };
    assert.throws(() => completeProfile({ recordings: [unknown], bases, more: [], grantable }), /AF_ALG/);
  });
});
