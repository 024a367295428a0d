import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { parsePod } from '#operator/api/pod';
import { bindPod } from '#operator/bind/bind';
import { readArtifactBinding } from '#operator/bind/read-binding';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runPod } from '#test/support/cri/pod';
import { packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { contextOf } from '#test/support/nginx-binding';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

const allowAll = '{"defaultAction": "SCMP_ACT_ALLOW"}';
const denyMkdir = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}`;

describePeers(
  [...containerdRequirements, 'docker-registry'],
  'what the operator writes, on a node whose baseline is a looser file',
  () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: TestShim;
    let reference: string;
    before(async () => {
      [containerd, registry] = await Promise.all([startContainerd({ version: '2' }), startRegistry()]);
      shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
      writeFileSync(path.join(shim.folder, 'loose.json'), allowAll);
      appendFileSync(path.join(shim.folder, 'policy.yaml'), 'baseline: {seccomp: loose.json}\n');
      await shim.restart();
      mkdirSync(path.join(shim.seccompRoot, 'profiles'), { recursive: true });
      writeFileSync(path.join(shim.seccompRoot, 'profiles', 'mkdir.json'), denyMkdir);
      reference = await publish(registry.host, 'open/all', packText(allowAll, 'all.json'));
    });
    after(async () => {
      await shim?.stop();
      await Promise.all([registry?.stop(), containerd?.stop()]);
    });

    /**
     * Runs a pod that the operator bound as a kubelet passes it on, and returns whether `unshare`
     * and `mkdir` succeed.
     */
    const run = async (name: string, seccompProfile: object | undefined, base?: string) => {
      const pod = parsePod({
        metadata: {},
        spec: { securityContext: { seccompProfile }, containers: [{ name: 'main' }] },
      });
      const spec = { reference, podSelector: {}, ...(base !== undefined && { base }) };
      const outcome = bindPod(pod, contextOf([readArtifactBinding({ metadata: { name: 'all' }, spec })]));
      assert.equal(outcome.outcome, 'bound');
      const written = JSON.stringify(outcome.patch.find(({ path: place }) => place.startsWith('/spec/containers/0/')));
      const localhostProfile = /"localhostProfile":"([^"]+)"/.exec(written)?.[1] ?? '';
      const running = await runPod(shim.client, {
        name,
        seccomp: { profileType: ProfileType.Localhost, localhostRef: `${shim.seccompRoot}/${localhostProfile}` },
      });
      const unshare = (await running.exec('unshare', '-U', 'true')).exitCode === 0;
      const mkdir = (await running.exec('mkdir', '/tmp/folder')).exitCode === 0;
      await running.remove();
      return { unshare, mkdir };
    };

    it('keeps the default of the runtime for a pod that asks for it', async () => {
      assert.deepEqual(await run('plain', undefined), { unshare: true, mkdir: true });
      assert.deepEqual(await run('defaulted', { type: 'RuntimeDefault' }), { unshare: false, mkdir: true });
      assert.deepEqual(await run('all-defaulted', undefined, 'RuntimeDefault'), { unshare: false, mkdir: true });
    });

    it('applies the base of the binding', async () => {
      assert.deepEqual(await run('based', undefined, 'profiles/mkdir.json'), { unshare: true, mkdir: false });
    });
  },
);
