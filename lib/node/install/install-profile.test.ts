import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { ProfileMode } from '#lib/profile/constraint';
import { readProfile } from '#lib/profile/read-profile';
import { openStore, type Store } from '../store/store.ts';
import { type InstallDependencies, installProfile, isInstallable, isInstalled } from './install-profile.ts';

describe('the installation of an effective profile', () => {
  let directory: string;
  let store: Store;
  let dependencies: InstallDependencies;
  const signal = AbortSignal.timeout(30_000);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-install-'));
    store = await openStore(directory);
    const appArmor = {
      put: async (_profile: AppArmorProfile, mode?: ProfileMode) => `loaded ${mode}`,
      holds: async (name: string) => name === 'loaded Log',
    };
    dependencies = { seccomp: store.effective, appArmor };
  });
  afterEach(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('writes a seccomp profile to a file, named by its content, that reads as the same profile', async () => {
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } as const;
    const installed = await installProfile(profile, dependencies, { signal });
    assert.ok(installed.kind === 'Seccomp');
    const { kind, ...read } = readProfile(await readFile(installed.path));
    assert.equal(kind, 'Seccomp');
    assert.equal((read as { seccomp: { defaultAction: string } }).seccomp.defaultAction, 'SCMP_ACT_ERRNO');
    assert.deepEqual(await installProfile(profile, dependencies, { signal }), installed);
  });

  it('loads an AppArmor profile, in the mode that is asked for', async () => {
    const apparmor = readProfile(Buffer.from('{"filesystem": {"readOnlyPaths": ["/etc/**"]}}'));
    assert.ok(apparmor.kind === 'AppArmor');
    const install = (mode?: 'Log') => installProfile(apparmor, dependencies, { mode, signal });
    assert.deepEqual(await install(), { kind: 'AppArmor', name: 'loaded undefined' });
    assert.deepEqual(await install('Log'), { kind: 'AppArmor', name: 'loaded Log' });
  });

  it('is known to be there as long as nothing changes it', async () => {
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_ERRNO' } } as const;
    const installed = await installProfile(profile, dependencies, { signal });
    assert.ok(installed.kind === 'Seccomp');
    assert.equal(await isInstalled(installed, dependencies), true);
    const bytes = await readFile(installed.path);
    await writeFile(
      installed.path,
      bytes.map((byte) => byte ^ 1),
    );
    assert.equal(await isInstalled(installed, dependencies), false);
    await installProfile(profile, dependencies, { signal });
    assert.deepEqual(await readFile(installed.path), bytes);
    assert.equal(await isInstalled(installed, dependencies), true);
    await rm(installed.path);
    assert.equal(await isInstalled(installed, dependencies), false);
    await rm(directory, { recursive: true });
    await installProfile(profile, dependencies, { signal });
    assert.deepEqual(await readFile(installed.path), bytes, 'also if the whole directory was removed');
    for (const name of ['loaded Log', 'other']) {
      assert.equal(await isInstalled({ kind: 'AppArmor', name }, dependencies), name === 'loaded Log');
    }
  });

  it('is known for seccomp and AppArmor', () => {
    assert.deepEqual(['Seccomp', 'AppArmor', 'SELinux', 'toString'].map(isInstallable), [true, true, false, false]);
  });
});
