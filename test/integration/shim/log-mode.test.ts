import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodWithKernelLog } from '#cli/node/with-kernel-log';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { status } from '#test/support/cri/client';
import { type Pod, type PodOptions, runPod } from '#test/support/cri/pod';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { KernelLog, kernelLogProblem } from '#test/support/kernel/kernel-log';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

/** The record of a call that SECCOMP_RET_LOG permitted, with its program and number. */
const logged = /audit: type=1326 .* comm="(\S+)" .* syscall=(\d+) .* code=0x7ffc0000/;
/** chmod, fchmod, fchmodat and fchmodat2. */
const chmods = process.arch === 'arm64' ? ['52', '53', '452'] : ['90', '91', '268', '452'];

describePeers([...containerdRequirements, 'docker-registry'], 'shim before containerd: mode=log', () => {
  let containerd: Containerd;
  let registry: Registry;
  let shim: TestShim;
  let reference: string;
  const pods: Pod[] = [];
  before(async () => {
    [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
    shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    reference = await publish(registry.host, 'trial/chmod', packText(denyChmod), shim.signer);
  });
  after(async () => {
    for (const pod of pods) await pod.remove();
    await shim?.stop();
    await Promise.all([registry?.stop(), containerd?.stop()]);
  });

  const localhost = (named: string) => ({
    profileType: ProfileType.Localhost,
    localhostRef: `${shim.seccompRoot}/oci/${named}`,
  });
  const recordsOf = (messageId: string, pod: string) =>
    shim.log().filter((record) => record.messageId === messageId && record['pod'] === `default/${pod}`);

  async function run(options: PodOptions): Promise<Pod> {
    const pod = await runPod(shim.client, options);
    pods.push(pod);
    return pod;
  }

  async function permitted(pod: Pod, ...command: string[]): Promise<void> {
    assert.deepEqual(await pod.exec(...command), { exitCode: 0, stdout: '', stderr: '' });
  }

  async function refused(pod: Pod, ...command: string[]): Promise<void> {
    const { exitCode, stderr } = await pod.exec(...command);
    assert.equal(exitCode, 1);
    assert.match(stderr, /Operation not permitted/);
  }

  it('permits what only the artifact refuses, and refuses what the baseline does', async () => {
    const pod = await run({ name: 'logged', seccomp: localhost(`${reference}?mode=log`) });
    await permitted(pod, 'chmod', '600', '/etc/passwd');
    await refused(pod, 'unshare', '-m', 'true');
    const [record] = recordsOf('fairlead.profile.logged', 'logged');
    assert.deepEqual([record?.['container'], record?.['reference']], ['main', reference]);
  });

  it('enforces all of it without a mode', async () => {
    const pod = await run({ name: 'enforced', seccomp: localhost(reference) });
    await refused(pod, 'chmod', '600', '/etc/passwd');
    await refused(pod, 'unshare', '-m', 'true');
    assert.deepEqual(recordsOf('fairlead.profile.logged', 'enforced'), []);
  });

  it('enforces the base profile', async () => {
    mkdirSync(shim.seccompRoot, { recursive: true });
    writeFileSync(
      path.join(shim.seccompRoot, 'mkdir.json'),
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}',
    );
    for (const query of ['base=localhost/mkdir.json&mode=log', 'mode=log&base=localhost/mkdir.json']) {
      const pod = await run({ name: 'based', seccomp: localhost(`${reference}?${query}`) });
      await permitted(pod, 'chmod', '600', '/etc/passwd');
      await refused(pod, 'mkdir', '/tmp/folder');
    }
  });

  it('holds for a sandbox as for a container', async () => {
    await run({ name: 'sandbox', sandboxSeccomp: localhost(`${reference}?mode=log`) });
    assert.deepEqual(
      recordsOf('fairlead.profile.logged', 'sandbox').map(({ container }) => container),
      [undefined],
    );
  });

  it('is refused if the rule does not allow it', async () => {
    const strict = await publish(registry.host, 'signed/chmod', packText(denyChmod), shim.signer);
    const pod = runPod(shim.client, { name: 'strict', seccomp: localhost(`${strict}?mode=log`) });
    const message =
      /does not allow mode=log for .*\/signed\/chmod: rule .*\/signed\/\*\* \(line 4\) has no "log: true"/;
    await assert.rejects(pod, { code: status.PERMISSION_DENIED, message });
  });

  it('is logged by the kernel', { skip: kernelLogProblem() }, async () => {
    const log = new KernelLog();
    const pod = await run({ name: 'watched', seccomp: localhost(`${reference}?mode=log`) });
    const deadline = performance.now() + 60_000;
    let records: readonly string[] = [];
    // The kernel prints ten records in five seconds, whichever container they are of.
    while (records.length === 0 && performance.now() < deadline) {
      await permitted(pod, 'chmod', '600', '/etc/passwd');
      await sleep(100);
      records = log.records().filter((record) => logged.test(record));
    }
    log.close();
    const [, program, number = ''] = logged.exec(records[0] ?? '') ?? [];
    assert.equal(program, 'chmod');
    assert.ok(chmods.includes(number), number);
  });

  it('is counted by fairlead node explain, by the container of the process', { skip: kernelLogProblem() }, async () => {
    const chdir = JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['chdir'], action: 'SCMP_ACT_ERRNO' }],
    });
    const named = await publish(registry.host, 'trial/chdir', packText(chdir), shim.signer);
    const command = ['sh', '-c', 'trap "exit 0" TERM; while :; do cd /; sleep 1; done'];
    const seccomp = localhost(`${named}?mode=log`);
    await run({ name: 'counted', command, seccomp });
    const explain = async (name: string): Promise<PodWithKernelLog> => {
      const args = ['node', 'explain', name, '--socket', `unix://${shim.admin}`, '--output', 'json'];
      return JSON.parse(succeeded(await runFairlead(args)));
    };
    const counted = async () => (await explain('counted')).containers.find(({ name }) => name === 'main')?.logged;
    let logged = await counted();
    // The kernel prints ten records in five seconds, whichever container they are of.
    while (!logged?.calls.some(({ syscall }) => syscall === 'chdir')) {
      await sleep(500);
      logged = await counted();
    }
    assert.deepEqual([logged.accesses, logged.executed, logged.omitted], [[], [], 0]);
    const { kernelLog } = await explain('counted');
    assert.ok(kernelLog !== undefined && Array.isArray(kernelLog.ended));
    assert.equal((await explain('enforced')).kernelLog, undefined);
  });
});
