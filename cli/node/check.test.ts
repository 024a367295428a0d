import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { NodeParts } from './check.ts';
import { checkClock, checkPolicy } from './check-files.ts';
import { checkAppArmor, checkSelinux } from './check-kernel.ts';
import { checkKubelet } from './check-processes.ts';

describe('checks of a node', () => {
  let parts: NodeParts;
  beforeEach(() => {
    const root = mkdtempSync(join(tmpdir(), 'fairlead-doctor-'));
    const socket = (name: string): string => `unix://${root}/${name}.sock`;
    parts = {
      ...{ root, socket: socket('admin'), listen: 'unix:///run/fairlead/shim.sock', runtime: socket('runtime') },
      ...{ lsm: socket('lsm'), policy: `${root}/policy.yaml`, state: `${root}/state` },
    };
  });
  afterEach(() => rmSync(parts.root, { recursive: true }));
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(parts.root, path)), { recursive: true });
    writeFileSync(join(parts.root, path), content);
  };
  const resultOf = async (check: Promise<{ result: string; seen: string; hint?: string }>) => {
    const { result, seen, hint = '' } = await check;
    return `${result}: ${seen} | ${hint}`;
  };
  const config = (socket: string): string =>
    `kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/${socket}\n`;

  it('find where the kubelet calls, by its process before its configuration', async () => {
    assert.match(await resultOf(checkKubelet(parts)), /^warning: no kubelet runs; cannot read .*config\.yaml \| Set/);
    write('var/lib/kubelet/config.yaml', config('fairlead/shim.sock'));
    assert.match(await resultOf(checkKubelet(parts)), /^ok: calls unix:\/\/\/run\/fairlead\/shim\.sock/);
    write('var/lib/kubelet/config.yaml', config('containerd/containerd.sock'));
    assert.match(
      await resultOf(checkKubelet(parts)),
      /^failed: calls .*containerd\.sock, past the shim \| Set .*restart/,
    );
    write('etc/kubelet.yaml', config('fairlead/shim.sock'));
    write('proc/12/cmdline', ['/usr/bin/kubelet', '--config=/etc/kubelet.yaml', ''].join('\0'));
    write('proc/13/cmdline', ['vim', '/usr/bin/kubelet', ''].join('\0'));
    assert.match(await resultOf(checkKubelet(parts)), /^ok: /);
    const endpoint = ['--container-runtime-endpoint', 'unix:///run/crio/crio.sock'];
    write('proc/12/cmdline', ['/usr/bin/kubelet', '--config=/etc/kubelet.yaml', ...endpoint, ''].join('\0'));
    assert.match(await resultOf(checkKubelet(parts)), /^failed: calls unix:\/\/\/run\/crio\/crio\.sock/);
  });

  it('find what AppArmor artifacts need, in order', async () => {
    assert.match(await resultOf(checkAppArmor(parts)), /^ok: not enabled in the kernel.* \| .*boot with apparmor=1/);
    write('sys/module/apparmor/parameters/enabled', 'Y\n');
    assert.match(await resultOf(checkAppArmor(parts)), /^warning: .*apparmor_parser is not installed \| Install/);
    write('sbin/apparmor_parser', '');
    assert.match(await resultOf(checkAppArmor(parts)), /^failed: no loader .*lsm\.sock \| Start it: systemctl/);
    assert.match(await resultOf(checkSelinux(parts)), /^ok: not enabled/);
    write('sys/fs/selinux/enforce', '1');
    assert.match(await resultOf(checkSelinux(parts)), /^ok: enforcing/);
  });

  it('do not wait for a policy that is a pipe', async () => {
    execFileSync('mkfifo', ['-m', '600', parts.policy]);
    assert.match(await resultOf(checkPolicy(parts)), /^failed: .*policy\.yaml is not a regular file \| Write/);
  });

  it('compare the clock with the certificate of the kubelet', async () => {
    assert.match(await resultOf(checkClock(parts)), /^ok: .*without a certificate/);
    const pem = join(parts.root, 'var/lib/kubelet/pki/kubelet-client-current.pem');
    mkdirSync(dirname(pem), { recursive: true });
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
        ...['-subj', '/CN=kubelet', '-keyout', '/dev/null', '-out', pem],
      ],
      { stdio: 'ignore' },
    );
    assert.match(await resultOf(checkClock(parts)), /^ok: /);
    assert.match(await resultOf(checkClock(parts, new Date('2020-01-01'))), /^failed: .* \| Set the clock/);
    assert.match(await resultOf(checkClock(parts, new Date('2099-01-01'))), /^failed: .* \| Set the clock/);
  });
});
