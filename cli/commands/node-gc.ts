import type { Command } from 'commander';
import type { Collected } from '#cri-shim/housekeeping/tidy';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead node gc`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('remove what no container uses')
    .description(
      'Remove at once what the shim removes from time to time: effective profiles that were not asked for, AppArmor profiles in the ' +
        'kernel that no container uses, and of the artifacts that no container uses those beyond 64 MiB. What was asked for in the last ' +
        'two minutes stays, because a container may be about to be created.',
    )
    .addHelpText('after', examples([['remove what no container uses', 'fairlead node gc']]))
    .addHelpText('after', exitCodes('removed', adminErrors))
    .action(gc);
}

async function gc(options: AdminOptions & OutputOptions): Promise<void> {
  const removed = await askShim<Collected>(options, 'POST', '/v1/gc');
  writeResult('node gc', options.output, { json: () => removed, text: () => removedText(removed) });
}

function removedText({ artifacts, effective, appArmor }: Collected): string {
  const lines = [
    ...artifacts.map((digest) => `artifact ${digest}`),
    ...effective.map((name) => `effective profile ${name}`),
    ...appArmor.map((name) => `AppArmor profile ${name}`),
  ];
  if (lines.length === 0) {
    return 'nothing was removed: unused artifacts are kept up to 64 MiB, and everything that was asked for in the last two minutes';
  }
  return `removed:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
