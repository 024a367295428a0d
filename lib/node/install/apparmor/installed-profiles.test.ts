import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { InstalledAppArmor } from './installed-profiles.ts';
import type { RenderedAppArmor } from './loader.ts';

const profile: AppArmorProfile = { mode: 'Enforce', capability: { allowedCapabilities: ['chown'] } };
const other: AppArmorProfile = { mode: 'Enforce', capability: { allowedCapabilities: ['kill'] } };
const signal = AbortSignal.timeout(30_000);
const minutes = 60_000;

describe('installed AppArmor profiles', () => {
  const kernel = new Map<string, string>();
  const calls: string[] = [];
  let now: number;
  let confined: boolean;
  let whenLoading: () => Promise<void>;
  let whenUnloading: () => Promise<void>;
  let installed: InstalledAppArmor;
  const restart = (): InstalledAppArmor =>
    new InstalledAppArmor({
      loader: {
        load: async ({ name, text }: RenderedAppArmor) => {
          calls.push(`load ${name}`);
          await whenLoading();
          kernel.set(name, text);
        },
        unload: async (name, aborts) => {
          calls.push(`unload ${name}`);
          // The loader goes on if its caller has given up.
          const done = whenUnloading().then(() => {
            if (confined) throw new FairleadError('Conflict', 'a process is confined by it');
            kernel.delete(name);
          });
          const givenUp = Promise.withResolvers<never>();
          aborts.addEventListener('abort', () => givenUp.reject(aborts.reason));
          await Promise.race([done, givenUp.promise]);
        },
      },
      loaded: async () => new Set(kernel.keys()),
      clock: () => now,
    });
  beforeEach(() => {
    kernel.clear();
    calls.length = 0;
    now = 0;
    confined = false;
    whenLoading = async () => undefined;
    whenUnloading = async () => undefined;
    installed = restart();
  });

  it('are loaded once, and found again after a restart', async () => {
    const name = await installed.put(profile, undefined, signal);
    assert.equal(await installed.put(profile, undefined, signal), name);
    assert.equal(await restart().put(profile, undefined, signal), name);
    assert.deepEqual(calls, [`load ${name}`]);
    kernel.clear();
    await installed.put(profile, undefined, signal);
    assert.equal(calls.length, 2, 'what something else has unloaded is loaded again');
  });

  it('are loaded once for all containers that ask for them at the same time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    whenLoading = () => promise;
    const asked = Array.from({ length: 100 }, () => installed.put(profile, undefined, signal));
    const gone = new AbortController();
    const cancelled = installed.put(profile, undefined, gone.signal);
    const another = installed.put(other, undefined, signal);
    while (calls.length < 2) await delay(1);
    gone.abort(new Error('cancelled'));
    await assert.rejects(cancelled, /cancelled/);
    resolve();
    const [name] = await Promise.all(asked);
    assert.deepEqual(calls.toSorted(), [`load ${name}`, `load ${await another}`].toSorted());
  });

  it('are not compiled again for some minutes if that takes too long', async () => {
    whenLoading = async () => {
      throw new FairleadError('LimitExceeded', 'too expensive', { hint: 'Publish another.', local: true });
    };
    const refused = { kind: 'LimitExceeded', hint: 'Publish another.', local: true };
    await assert.rejects(installed.put(profile, undefined, signal), { ...refused, message: 'too expensive' });
    now = 4 * minutes;
    const again = { ...refused, message: 'too expensive (it is compiled again in 60 s)' };
    await assert.rejects(installed.put(profile, undefined, signal), again);
    assert.equal(calls.length, 1);
    await assert.rejects(installed.put(other, undefined, signal), refused);
    assert.equal(calls.length, 2);
    whenLoading = async () => undefined;
    now = 5 * minutes;
    await installed.put(profile, undefined, signal);
  });

  it('are loaded again at once after any other failure', async () => {
    whenLoading = async () => {
      throw new FairleadError('Unavailable', 'no loader listens', { local: true });
    };
    await assert.rejects(installed.put(profile, undefined, signal), { kind: 'Unavailable' });
    whenLoading = async () => undefined;
    await installed.put(profile, undefined, signal);
  });

  it('deny what the default of the runtime denies, also if they are only logged', async () => {
    const enforced = kernel.get(await installed.put(profile, undefined, signal)) ?? '';
    const logged = kernel.get(await installed.put({ ...profile, mode: 'Complain' }, 'Log', signal)) ?? '';
    const complaining = kernel.get(await installed.put({ ...profile, mode: 'Complain' }, undefined, signal)) ?? '';
    const facts = (text: string) => [text.includes('complain'), text.includes('deny mount,')];
    assert.deepEqual([enforced, logged, complaining].map(facts), [
      [false, true],
      [true, true],
      [true, false],
    ]);
    assert.equal(kernel.size, 3);
  });

  it('are unloaded if no container uses them and they were not requested lately', async () => {
    const [used, unused] = [
      await installed.put(profile, undefined, signal),
      await installed.put(other, undefined, signal),
    ];
    await installed.dropUnused(new Set([used]), signal);
    assert.equal(kernel.size, 2);
    now = 11 * minutes;
    await installed.dropUnused(new Set([used]), signal);
    assert.deepEqual([...kernel.keys()], [used]);
    const later = restart();
    await later.dropUnused(new Set(), signal);
    assert.deepEqual([...kernel.keys()], [used], 'a container of before the restart may be about to be created');
    now = 22 * minutes;
    await later.dropUnused(new Set(), signal);
    assert.equal(kernel.size, 0);
    assert.ok(calls.includes(`unload ${unused}`));
  });

  it('stay while a process is confined by them, and other errors are reported', async () => {
    await installed.put(profile, undefined, signal);
    now = 11 * minutes;
    confined = true;
    await installed.dropUnused(new Set(), signal);
    assert.equal(kernel.size, 1);
    whenUnloading = async () => {
      throw new FairleadError('Unavailable', 'down');
    };
    now = 22 * minutes;
    await assert.rejects(installed.dropUnused(new Set(), signal), { kind: 'Unavailable' });
  });

  it('are loaded again by a caller that asks for them while they are unloaded', async () => {
    const name = await installed.put(profile, undefined, signal);
    now = 11 * minutes;
    const { promise, resolve } = Promise.withResolvers<void>();
    whenUnloading = () => promise;
    const dropped = installed.dropUnused(new Set(), signal);
    while (!calls.includes(`unload ${name}`)) await Promise.resolve();
    const asked = installed.put(profile, undefined, signal);
    resolve();
    await Promise.all([dropped, asked]);
    assert.ok(kernel.has(name));
    assert.deepEqual(calls, [`load ${name}`, `unload ${name}`, `load ${name}`]);
  });

  it('are not taken for loaded while they are unloaded for a caller that has given up', async () => {
    const name = await installed.put(profile, undefined, signal);
    now = 11 * minutes;
    const { promise, resolve } = Promise.withResolvers<void>();
    whenUnloading = () => promise;
    const caller = new AbortController();
    const dropped = installed.dropUnused(new Set(), caller.signal);
    while (!calls.includes(`unload ${name}`)) await Promise.resolve();
    caller.abort(new Error('given up'));
    await assert.rejects(dropped, /given up/);
    const asked = installed.put(profile, undefined, signal);
    // Time for the answer that the profile is loaded, which would be wrong soon.
    await delay(5);
    resolve();
    await asked;
    assert.ok(kernel.has(name));
    assert.deepEqual(calls, [`load ${name}`, `unload ${name}`, `load ${name}`]);
  });
});
