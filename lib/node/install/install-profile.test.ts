import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readProfile } from '#lib/profile/read-profile';
import { openStore, type Store } from '../store/store.ts';
import { installProfile, isInstallable } from './install-profile.ts';

describe('the installation of an effective profile', () => {
  let directory: string;
  let store: Store;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-install-'));
    store = await openStore(directory);
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('writes a seccomp profile to a file, named by its content, that reads as the same profile', async () => {
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } as const;
    const installed = await installProfile(profile, store);
    assert.equal(installed.kind, 'Seccomp');
    const { kind, ...read } = readProfile(await readFile(installed.path));
    assert.equal(kind, 'Seccomp');
    assert.equal((read as { seccomp: { defaultAction: string } }).seccomp.defaultAction, 'SCMP_ACT_ERRNO');
    assert.deepEqual(await installProfile(profile, store), installed);
  });

  it('refuses kinds that nodes cannot install', async () => {
    assert.ok(isInstallable('Seccomp') && !isInstallable('AppArmor') && !isInstallable('toString'));
    const apparmor = readProfile(Buffer.from('{"filesystem": {"readOnlyPaths": ["/etc/**"]}}'));
    assert.ok(apparmor.kind === 'AppArmor');
    await assert.rejects(installProfile(apparmor, store), {
      kind: 'InvalidInput',
      message: /AppArmor/,
      hint: /Seccomp/,
    });
  });
});
