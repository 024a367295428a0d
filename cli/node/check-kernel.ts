import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LsmClient } from '#lib/node/install/apparmor/lsm-client';
import { checked, type NodeCheck, type NodeParts } from './check.ts';

/** How long the loader may take, in milliseconds. */
const patience = 10_000;
const parsers = ['sbin/apparmor_parser', 'usr/sbin/apparmor_parser'];

/** Checks what AppArmor artifacts need: the kernel, the parser, and the loader. */
export function checkAppArmor({ lsm, root }: NodeParts): Promise<NodeCheck> {
  return checked('AppArmor', async () => {
    const enabled = await readFile(join(root, 'sys/module/apparmor/parameters/enabled'), 'utf8').catch(() => 'N');
    if (enabled.trim() !== 'Y') {
      const hint = 'To use AppArmor artifacts, boot with apparmor=1 security=apparmor. Nothing else needs it.';
      return { result: 'ok', seen: 'not enabled in the kernel: containers with AppArmor artifacts are refused', hint };
    }
    const found = await Promise.all(
      parsers.map((path) =>
        access(join(root, path)).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (!found.includes(true)) {
      const hint = 'Install the package apparmor.';
      return { result: 'warning', seen: 'enabled in the kernel, and apparmor_parser is not installed', hint };
    }
    const profiles = await new LsmClient(lsm.replace(/^unix:\/\//, '')).list(AbortSignal.timeout(patience));
    return { result: 'ok', seen: `the kernel has ${profiles.length} profiles of Fairlead, and the loader answers` };
  });
}

/** Reports whether SELinux enforces. */
export function checkSelinux({ root }: NodeParts): Promise<NodeCheck> {
  return checked('SELinux', async () => {
    const enforce = await readFile(join(root, 'sys/fs/selinux/enforce'), 'utf8').catch(() => undefined);
    if (enforce === undefined) return { result: 'ok', seen: 'not enabled in the kernel' };
    return { result: 'ok', seen: enforce.trim() === '1' ? 'enforcing' : 'permissive' };
  });
}
