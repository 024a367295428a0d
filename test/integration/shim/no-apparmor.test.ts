import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { finishFolder, type Program, startProgram, temporaryFolder } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { launcher } from '#test/support/cli/run';
import { status } from '#test/support/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { containerConfig } from '#test/support/cri/pod';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

const enabled = '/sys/module/apparmor/parameters/enabled';
const hasAppArmor = existsSync(enabled) && readFileSync(enabled, 'utf8').startsWith('Y');

describePeers(['docker-registry'], 'shim on a node without AppArmor', () => {
  let folder: string;
  let registry: Registry;
  let runtime: FakeRuntime;
  let scripted: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let loader: Program;
  let shim: TestShim;
  before(async () => {
    folder = temporaryFolder('no-apparmor');
    runtime = new FakeRuntime();
    const [socket, lsm] = [path.join(folder, 'runtime.sock'), path.join(folder, 'lsm.sock')];
    [registry, scripted, loader] = await Promise.all([
      startRegistry(),
      startScriptedRuntime(socket, runtime.methods()),
      startProgram({
        name: 'lsm',
        command: process.execPath,
        args: [launcher, 'lsm', '--listen', `unix://${lsm}`],
        folder,
        ready: async () => existsSync(lsm),
      }),
    ]);
    shim = await startTestShim({ runtime: socket, registryHost: registry.host, args: ['--lsm', `unix://${lsm}`] });
  });
  after(async () => {
    await shim?.stop();
    scripted?.kill();
    await Promise.all([loader?.stop(), registry?.stop()]);
    finishFolder(folder);
  });

  it('refuses a container with an AppArmor artifact, and states what is missing', { skip: hasAppArmor }, async () => {
    const artifact = packText('{"network": {"allowRaw": false}}');
    const reference = await publish(registry.host, 'open/network', artifact);
    const localhostRef = `oci/${reference}`;
    const apparmor = { profileType: ProfileType.Localhost, localhostRef };
    const config = containerConfig({ containerName: 'app', apparmor, apparmorProfile: `localhost/${localhostRef}` });
    await assert.rejects(shim.client.createContainer({ podSandboxId: 's', config }), {
      code: status.NOT_FOUND,
      message:
        `Fairlead refuses the security profile ${reference} of container "app": NotFound: AppArmor is not enabled in the ` +
        'kernel of this node (Use AppArmor profiles on nodes with AppArmor only: a kernel with it, securityfs, and the ' +
        'package apparmor.)',
    });
    assert.deepEqual(runtime.created, []);
  });
});
