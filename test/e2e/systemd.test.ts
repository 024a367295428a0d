import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { describePeers } from '#test/peers/require';
import { startVm, type Vm, vmRequirements } from '#test/peers/vm';
import { installInGuest, installSourceInGuest } from '#test/support/kernel/guest-program';
import { systemdUnits } from '../../tools/release/systemd-units.ts';

const policy = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n';

/** Units of the machine: a runtime, and a kubelet that needs the shim. */
function neighbours(runtime: string): Readonly<Record<string, string>> {
  return {
    'containerd.service':
      '[Unit]\nConditionPathExists=/run/runtime-may-start\n' +
      `[Service]\nExecStart=${runtime} serve /run/containerd/containerd.sock\n`,
    'kubelet.service':
      '[Unit]\nRequires=fairlead-shim.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\n' +
      'ExecStart=/bin/sh -c "systemctl is-active fairlead-shim > /run/kubelet-saw || true"\n',
  };
}

describePeers([...vmRequirements, 'systemd'], 'the shim under systemd', () => {
  let vm: Vm;
  let runtime: string;
  const show = async (property: string): Promise<string> =>
    (await vm.output(`systemctl show -P ${property} fairlead-shim`)).trim();
  const log = (): Promise<string> => vm.output('journalctl -o cat -u fairlead-shim');
  /** Runs a command of the machine again and again until it succeeds. */
  const until = async (command: string): Promise<void> => {
    const { status } = await vm.run(`for i in $(seq 200); do ${command} && exit 0; sleep 0.2; done; exit 1`);
    if (status !== 0)
      assert.fail(`${command}\n${await vm.output('systemctl status fairlead-shim || true')}\n${await log()}`);
  };

  before(async () => {
    vm = await startVm({ systemd: true });
    const program = await installInGuest(vm.job);
    runtime = await installSourceInGuest(vm.job, 'test/support/cri/runtime-in-guest.ts');
    writeFileSync(join(vm.job, 'program'), `#!/bin/sh\nexec ${program} "$@"\n`, { mode: 0o755 });
    writeFileSync(join(vm.job, 'policy.yaml'), policy);
    for (const [name, text] of Object.entries({ ...systemdUnits('/job/program'), ...neighbours(runtime) })) {
      writeFileSync(join(vm.job, name), text);
    }
    await vm.output(`
      install -m 644 /job/*.service /job/*.socket /etc/systemd/system/
      mkdir -p -m 755 /etc/fairlead /etc/systemd/system/fairlead-shim.service.d
      install -m 644 /job/policy.yaml /etc/fairlead/
      systemctl daemon-reload`);
  });
  after(() => vm?.stop());

  it('is started before the kubelet, which waits until the runtime answers', async () => {
    await vm.output('systemctl start --no-block kubelet');
    await until('journalctl -o cat -u fairlead-shim | grep -q fairlead.runtime.silent');
    assert.equal(await show('ActiveState'), 'activating');
    await vm.output('touch /run/runtime-may-start; systemctl start containerd');
    await until('systemctl -q is-active kubelet');
    assert.equal((await vm.output('cat /run/kubelet-saw')).trim(), 'active');
    assert.equal(await show('StatusText'), 'ready');
    assert.match(await log(), /the shim is listening on the socket of systemd/);
    assert.equal(await vm.output('stat -c "%a %U" /run/fairlead /run/fairlead/shim.sock'), '700 root\n600 root\n');
  });

  it('refuses no call while it is restarted', async () => {
    const before = await show('MainPID');
    await vm.output(`
      set -e
      ${runtime} call /run/fairlead/shim.sock /run/enough > /run/calls &
      caller=$!
      sleep 5
      systemctl restart fairlead-shim
      touch /run/enough
      wait $caller`);
    assert.notEqual(await show('MainPID'), before);
    const { succeeded, errors } = JSON.parse(await vm.output('cat /run/calls'));
    assert.deepEqual(errors, []);
    assert.ok(succeeded > 5, String(succeeded));
  });

  it('reports a reload', async () => {
    await vm.output('echo "# changed" >> /etc/fairlead/policy.yaml; sleep 1; systemctl reload fairlead-shim');
    await until('journalctl -o cat -u fairlead-shim | grep -q fairlead.policy.loaded');
    await until('[ "$(systemctl show -P ActiveState fairlead-shim)" = active ]');
    assert.doesNotMatch(await log(), /fairlead\.systemd\.unreachable/);
  });

  it('is restarted if it does not answer, and not as long as it does', async () => {
    await vm.output(`
      printf '[Service]\\nWatchdogSec=9\\n' > /etc/systemd/system/fairlead-shim.service.d/watchdog.conf
      systemctl daemon-reload
      systemctl restart fairlead-shim
      sleep 12`);
    assert.equal(await show('NRestarts'), '0', await log());
    // The runtime is no part of that.
    await vm.output('systemctl kill --signal=STOP containerd; sleep 11; systemctl kill --signal=CONT containerd');
    assert.equal(await show('NRestarts'), '0');
    await vm.output('systemctl kill --signal=STOP fairlead-shim');
    await until('[ "$(systemctl show -P NRestarts fairlead-shim)" = 1 ]');
    await until('systemctl -q is-active fairlead-shim');
    assert.doesNotMatch(await log(), /fairlead\.watchdog\.unanswered/);
  });

  it('takes over from a shim that listens itself, as releases without a socket unit do', async () => {
    const withoutSocket = (systemdUnits('/job/program')['fairlead-shim.service'] ?? '').replace(
      /^(?:Requires|Also)=.*$/gm,
      '',
    );
    writeFileSync(join(vm.job, 'older.service'), withoutSocket);
    await vm.output(`
      set -e
      systemctl stop fairlead-shim.socket fairlead-shim
      cp /job/older.service /etc/systemd/system/fairlead-shim.service
      mv /etc/systemd/system/fairlead-shim.socket /run/
      systemctl daemon-reload
      systemctl start fairlead-shim
      test "$(systemctl is-active fairlead-shim.socket)" = inactive
      cp /job/fairlead-shim.service /run/fairlead-shim.socket /etc/systemd/system/
      systemctl daemon-reload
      systemctl try-restart fairlead-shim
      systemctl is-active fairlead-shim fairlead-shim.socket`);
  });

  it('stops at once, with its socket', async () => {
    const { stdout } = await vm.run(
      'time systemctl stop fairlead-shim.socket fairlead-shim; systemctl is-active fairlead-shim.socket fairlead-shim; ls /run/fairlead',
    );
    assert.match(stdout, /^inactive\ninactive\n(?:lsm\.sock\n)?$/);
  });
});
