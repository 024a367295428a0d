import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderForNode } from '#lib/node/install/apparmor/render';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import type { Vm } from '../../peers/vm.ts';
import { runInGuest } from './guest-container.ts';
import { installSourceInGuest } from './guest-program.ts';
import { type LsmStep, runLsmSteps } from './run-lsm-steps.ts';

/** Describes the service that loads profiles, by itself. */
export function describeLoader(
  guest: () => { readonly vm: Vm; readonly fairlead: string },
  ofContainer: AppArmorProfile,
): void {
  describe('by the service that loads them', () => {
    const confining = renderForNode(ofContainer);
    const open = renderForNode(runtimeDefaultAppArmor);
    let vm: Vm;
    let client: string;
    let service: string;
    const loaded = [confining.name, open.name].toSorted();
    const run = (...steps: readonly LsmStep[]): Promise<readonly unknown[]> => runLsmSteps(vm, client, steps);
    /** Starts the service with a capability or without. */
    const start = async (capability: string): Promise<void> => {
      const process = await vm.output(`
        setpriv --bounding-set=-all${capability} --inh-caps=-all --no-new-privs ${guest().fairlead} lsm > /job/loader.log 2>&1 &
        until [ -S /run/fairlead/lsm.sock ]; do kill -0 $! || { cat /job/loader.log >&2; exit 1; }; sleep 0.1; done
        echo $!`);
      service = process.trim();
    };
    const stop = async (): Promise<void> => {
      await vm.output(`kill -TERM ${service}; while [ -e /run/fairlead/lsm.sock ]; do sleep 0.1; done`);
    };

    before(async () => {
      ({ vm } = guest());
      client = await installSourceInGuest(vm.job, fileURLToPath(new URL('./lsm-steps.ts', import.meta.url)));
    });
    after(stop);

    it('loads, lists and unloads for a process without capabilities, and keeps those in use', async () => {
      await start(',+mac_admin');
      const [none, first, second, both, capabilities] = await run(
        ...([{ list: true }, { load: confining }, { load: open }, { list: true }] as const),
        { script: 'grep -h ^CapEff: /proc/self/status /proc/$(pgrep -f " lsm$" | head -1)/status' },
      );
      assert.deepEqual([none, first, second, both], [[], 'done', 'done', loaded]);
      assert.equal(capabilities, 'CapEff:\t0000000000000000\nCapEff:\t0000000200000000\n');

      const script = 'echo began; cat /etc/listed; cat /etc/other';
      assert.equal((await runInGuest(vm, confining.name, script)).stdout, 'began\nlisted\n');

      // Of another user, whose processes a root without capabilities does not own.
      const confined = `setpriv --reuid=1000 --clear-groups aa-exec -p ${open.name} -- sleep 100000 >&- 2>&- & echo $!`;
      const pid = (await vm.output(confined)).trim();
      const label = { script: `cat /proc/${pid}/attr/apparmor/current` };
      const [refused, again, kept, unused, left] = await run(
        ...([{ unload: open.name }, { load: open }, label, { unload: confining.name }, { list: true }] as const),
      );
      const message = `process ${pid} is confined by the AppArmor profile ${open.name}`;
      assert.deepEqual(refused, { kind: 'Conflict', message });
      assert.deepEqual([again, kept, unused, left], ['done', `${open.name} (enforce)\n`, 'done', [open.name]]);

      // As AppArmor 4 has it. A profile without a rule for it would not let it stop the process.
      await vm.output(`
        echo 'profile runc flags=(unconfined) { }' | apparmor_parser --replace --skip-cache
        aa-exec -p runc -- /bin/kill -TERM ${pid}
        while [ -d /proc/${pid} ]; do sleep 0.1; done`);
      await stop();
    });

    it('finds its profiles when it starts again, and reports that it lacks the capability', async () => {
      await start('');
      const [found, failed] = await run({ list: true }, { load: confining });
      assert.deepEqual(found, [open.name]);
      assert.equal((failed as { kind?: string }).kind, 'Unavailable', JSON.stringify(failed));
      await stop();
      await start(',+mac_admin');
      assert.deepEqual(await run({ load: confining }, { unload: open.name }, { unload: open.name }, { list: true }), [
        ...['done', 'done', 'done'],
        [confining.name],
      ]);
    });
  });
}
