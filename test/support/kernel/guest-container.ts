import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GuestResult, Vm } from '../../peers/vm.ts';

let containers = 0;

/**
 * Runs a shell script in a container, with runc, in a virtual machine: of busybox alone, under an
 * AppArmor policy that is loaded, without new privileges, as Kubernetes runs containers with
 * allowPrivilegeEscalation: false.
 */
export async function runInGuest(vm: Vm, policy: string, script: string): Promise<GuestResult> {
  containers += 1;
  const id = `c${containers}`;
  writeFileSync(path.join(vm.job, `${id}.json`), JSON.stringify(specification(policy, script)));
  return vm.run(`
    set -e
    mkdir -p /tmp/${id}/rootfs/{bin,etc,proc,sys,dev}
    cp /bin/busybox /tmp/${id}/rootfs/bin/
    for name in sh cat true; do ln -s busybox /tmp/${id}/rootfs/bin/$name; done
    echo listed > /tmp/${id}/rootfs/etc/listed
    echo other > /tmp/${id}/rootfs/etc/other
    cp /job/${id}.json /tmp/${id}/config.json
    runc --root /tmp/runc run --bundle /tmp/${id} ${id}`);
}

function specification(policy: string, script: string): object {
  const capabilities = ['CAP_CHOWN', 'CAP_SYS_ADMIN'];
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: ['/bin/sh', '-c', script],
      env: ['PATH=/bin'],
      cwd: '/',
      noNewPrivileges: true,
      apparmorProfile: policy,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: 'rootfs' },
    hostname: 'probe',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/sys', type: 'sysfs', source: 'sysfs' },
    ],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })) },
  };
}
