import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countLogged, type LoggedContainer } from './count-logged.ts';
import type { KernelRecord } from './kernel-record.ts';
import type { RunningProcess } from './running-process.ts';

const web: LoggedContainer = { id: 'a'.repeat(64), appliedAt: 100_000, appArmor: 'fairlead/1' };
const sidecar: LoggedContainer = { id: 'b'.repeat(64), appliedAt: 200_000 };
const call = (pid: number, syscall = 'chmod', time = 300_000): KernelRecord => ({
  ...{ kind: 'Seccomp', time, pid, program: '/bin/app', syscall },
});
const access = (pid: number, subject: string, isPermitted = false): KernelRecord => ({
  ...{ kind: 'AppArmor', time: 300_000, pid, profile: 'fairlead/1', operation: 'open', subject, isPermitted },
});
/** The control groups of containerd with systemd, and of others. */
const processes = new Map<number, RunningProcess>([
  [1, { cgroups: `0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-${web.id}.scope\n`, startedAt: 150_000 }],
  [2, { cgroups: `9:pids:/kubepods/pod1/${sidecar.id}/below\n0::/\n`, startedAt: 250_000 }],
  [3, { cgroups: `0::/kubepods/pod2/${'c'.repeat(64)}\n`, startedAt: 250_000 }],
]);
const none = { calls: [], accesses: [], executed: [], omitted: 0 };

describe('countLogged', () => {
  it('counts calls by the control group of their process', () => {
    const records = [call(1), call(1, 'mount'), call(1), call(2), call(3)];
    const { byContainer, ended } = countLogged(records, [web, sidecar], processes);
    const calls = [
      { syscall: 'chmod', count: 2 },
      { syscall: 'mount', count: 1 },
    ];
    assert.deepEqual(byContainer.get(web.id), { ...none, calls });
    assert.deepEqual(byContainer.get(sidecar.id), { ...none, calls: [{ syscall: 'chmod', count: 1 }] });
    assert.deepEqual(ended, []);
  });

  it('assigns a call of a process that has ended to no container, also if its number is used again', () => {
    const records = [call(9), call(9), call(2, 'chmod', 210_000)];
    const { byContainer, ended } = countLogged(records, [web, sidecar], processes);
    assert.deepEqual([...byContainer.values()], [none, none]);
    assert.deepEqual(ended, [{ program: '/bin/app', syscall: 'chmod', count: 3 }]);
  });

  it('leaves out what was logged before the first of the containers', () => {
    const records = [call(9, 'chmod', 98_000), call(1, 'chmod', 98_000), call(1, 'chmod', 149_500)];
    const { byContainer, ended } = countLogged(records, [sidecar, web], processes);
    assert.deepEqual(byContainer.get(web.id)?.calls, [{ syscall: 'chmod', count: 1 }]);
    assert.deepEqual(ended, []);
  });

  it('counts accesses by the process, or by the profile once that has ended', () => {
    const records = [
      access(1, '/etc/group'),
      access(9, '/etc/group'),
      access(3, '/etc/group'),
      access(9, '/bin/x', true),
    ];
    const { byContainer, ended } = countLogged(records, [web, sidecar], processes);
    assert.deepEqual(byContainer.get(web.id), {
      ...none,
      accesses: [{ operation: 'open', subject: '/etc/group', count: 2 }],
      executed: [{ operation: 'open', subject: '/bin/x', count: 1 }],
    });
    assert.deepEqual(ended, []);
    const shared = countLogged(records, [web, { ...sidecar, appArmor: 'fairlead/1' }], processes);
    assert.equal(shared.byContainer.get(web.id)?.accesses[0]?.count, 1);
    assert.equal(shared.endedAccesses, 2);
  });

  it('adds up what was not printed', () => {
    const suppressed: KernelRecord = { kind: 'Suppressed', count: 7 };
    assert.equal(countLogged([suppressed, suppressed], [web], processes).suppressed, 14);
  });

  it('returns short lists', () => {
    const paths = Array.from({ length: 60 }, (_, index) => access(1, `/tmp/${index}`));
    const calls = Array.from({ length: 60 }, (_, index) => call(9, `${index} on arm`));
    const logged = countLogged([...paths, ...calls, access(1, '/tmp/59')], [web], processes);
    const of = logged.byContainer.get(web.id);
    assert.deepEqual([of?.accesses.length, of?.accesses[0]?.subject, of?.omitted], [50, '/tmp/59', 10]);
    assert.deepEqual([logged.ended.length, logged.endedOmitted], [50, 10]);
  });
});
