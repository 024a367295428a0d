import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RenderedAppArmor } from '#lib/node/install/apparmor/loader';
import type { Vm } from '../../peers/vm.ts';

/** A call of the loader, or a script. */
export type LsmStep =
  | { readonly load: RenderedAppArmor }
  | { readonly unload: string }
  | { readonly list: true }
  | { readonly script: string };

/**
 * Runs steps in a virtual machine, as root without any capability. Returns what came of each:
 * `done`, the answer of the loader, its error, or what the script printed.
 *
 * @param command what runs lsm-steps.ts there
 */
export async function runLsmSteps(vm: Vm, command: string, steps: readonly LsmStep[]): Promise<readonly unknown[]> {
  writeFileSync(path.join(vm.job, 'steps.json'), JSON.stringify(steps));
  const output = await vm.output(`setpriv --bounding-set=-all --inh-caps=-all ${command} /job/steps.json`);
  return output
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}
