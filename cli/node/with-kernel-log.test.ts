import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { PodExplanation } from '#cri-shim/admin/documents';
import { explanationText } from './explanation-text.ts';
import { withKernelLog } from './with-kernel-log.ts';

const id = 'a'.repeat(64);
const applied = {
  ...{ time: '2026-11-30T12:00:00Z', reference: `a.example/b@sha256:${'ab'.repeat(32)}`, rule: '**', signers: [] },
  ...{ mode: 'Log', constrained: {} },
};
const pod: PodExplanation = {
  refusals: [],
  pod: 'web/nginx-0',
  containers: [
    { id: 'sandbox', state: 'sandbox', artifacts: [], applied: [], runtime: {} },
    {
      ...{ id, name: 'web', state: 'running', artifacts: [`sha256:${'ab'.repeat(32)}`], runtime: {} },
      appArmor: 'fairlead/1',
      applied: [
        { ...applied, kind: 'Seccomp', installed: '/state/effective/x.json' },
        { ...applied, kind: 'AppArmor', installed: 'fairlead/1' },
      ],
    },
  ],
};
const seconds = Date.parse(applied.time) / 1000 + 60;
const call = (pid: number) =>
  `audit: type=1326 audit(${seconds}.000:1): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=${pid} comm="app" exe="/app" ` +
  'sig=0 arch=c000003e syscall=90 compat=0 ip=0x7f21d5c392d9 code=0x7ffc0000';
const access = (decision: string, operation: string, name: string) =>
  `audit: type=1400 audit(${seconds}.000:2): apparmor="${decision}" operation="${operation}" profile="fairlead/1" ` +
  `name="${name}" pid=9 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0`;
const texts = [
  ...[call(8), call(7), call(7), access('ALLOWED', 'open', '/etc/group'), access('AUDIT', 'exec', '/bin/cat')],
  'kauditd_printk_skb: 3 callbacks suppressed',
];

describe('a pod in log mode', () => {
  let root: string;
  const put = async (name: string, text: string) => {
    const path = join(root, 'proc', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };
  const withLog = (readLog = async () => ({ texts, isOverwritten: false })) => withKernelLog(pod, { root, readLog });

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'fairlead-kernel-log-'));
    await put('uptime', '1000.00 900.00\n');
    await put('sys/kernel/seccomp/actions_logged', 'kill_process errno log\n');
    // It started 10 s after the machine.
    await put('7/stat', `7 (app) S ${'0 '.repeat(18)}1000 0\n`);
    await put('7/cgroup', `0::/kubepods/cri-containerd-${id}.scope\n`);
    await put('7/comm', 'app\n');
  });
  afterEach(() => rm(root, { recursive: true }));

  it('counts what its profiles would have refused, and states what is not known', async () => {
    // The processes of the fixture started before the record.
    const uptime = (Date.now() - seconds * 1000) / 1000 + 100;
    await put('uptime', `${uptime} 0.0\n`);
    const { containers, kernelLog } = await withLog();
    assert.deepEqual(containers[1]?.logged, {
      calls: [{ syscall: 'chmod', count: 2 }],
      accesses: [{ operation: 'open', subject: '/etc/group', count: 1 }],
      executed: [{ operation: 'exec', subject: '/bin/cat', count: 1 }],
      omitted: 0,
    });
    assert.deepEqual(kernelLog, {
      ended: [{ program: '/app', syscall: 'chmod', count: 1 }],
      ...{ endedAccesses: 0, suppressed: 3, notes: [] },
    });
    const text = explanationText(await withLog());
    assert.match(
      text,
      /^ {2}would refuse 2 times: chmod\n {2}would refuse once: open \/etc\/group\n {2}executed {5}once: \/bin\/cat\n/m,
    );
    assert.match(
      text,
      /\n\nkernel log\n {2}ended +once: chmod by \/app, which has ended: its container is not known\n {2}not printed +3 records/,
    );
  });

  it('notes what keeps records from the log', async () => {
    await put('12/comm', 'auditd\n');
    await put('12/status', 'Name:\tauditd\nNSpid:\t12\n');
    await put('sys/kernel/seccomp/actions_logged', 'kill_process errno\n');
    const { kernelLog } = await withLog(async () => ({ texts: [], isOverwritten: true }));
    const [actions, auditd, overwritten, ...others] = kernelLog?.notes ?? [];
    assert.match(actions ?? '', /actions_logged lacks log/);
    assert.match(auditd ?? '', /auditd \(process 12\) takes the records.*ausearch/);
    assert.match(overwritten ?? '', /older records were overwritten/);
    assert.deepEqual(others, []);
  });

  it('takes no process of a container for auditd', async () => {
    await put('11/comm', 'auditd\n');
    await put('11/status', 'Name:\tauditd\nNSpid:\t11\t1\n');
    await put('12/comm', 'auditd\n');
    const { kernelLog } = await withLog(async () => ({ texts: [], isOverwritten: false }));
    assert.deepEqual(kernelLog?.notes, []);
  });

  it('notes how many records of programs that have ended are left out', async () => {
    const many = Array.from({ length: 60 }, (_, index) => call(8).replace('"/app"', `"/app${index}"`));
    const { kernelLog } = await withLog(async () => ({ texts: many, isOverwritten: false }));
    assert.equal(kernelLog?.ended.length, 50);
    assert.deepEqual(kernelLog.notes, ['10 records more are of programs that have ended, and are left out.']);
    assert.ok(!('endedOmitted' in kernelLog));
  });

  it('notes that other pods have the same AppArmor profile', async () => {
    const shared = pod.containers.map((container) => ({ ...container, appArmorElsewhere: 2 }));
    const readLog = async () => ({ texts: [], isOverwritten: false });
    const { kernelLog } = await withKernelLog({ ...pod, containers: shared }, { root, readLog });
    assert.equal(kernelLog?.notes.length, 1);
    assert.match(kernelLog?.notes[0] ?? '', /^2 containers of other pods have the AppArmor profile of web:/);
  });

  it('explains the pod without a log that it may not read', async () => {
    const { containers, kernelLog } = await withLog(() =>
      Promise.reject(Object.assign(new Error('EPERM: operation not permitted, open /dev/kmsg'), { code: 'EPERM' })),
    );
    assert.equal(containers[1]?.logged, undefined);
    assert.match(kernelLog?.notes.join() ?? '', /cannot be read: .*EPERM.*Run the command as root, with CAP_SYSLOG/);
  });

  it('is not looked for if the profiles are enforced', async () => {
    const enforced = { ...pod, containers: pod.containers.slice(0, 1) };
    const readLog = () => assert.fail('the log was read');
    assert.deepEqual(await withKernelLog(enforced, { root, readLog }), enforced);
  });
});
