import type { Command } from 'commander';
import type { NodeProfiles } from '#cri-shim/admin/documents';
import { textTable } from '../cluster/text-table.ts';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { signersText } from '../node/signers-text.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead node profiles`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('list the artifacts on the node')
    .description(
      'List the artifacts on the node: by which references they were pulled, which rule of the policy in force is for them, how ' +
        'many containers were created with each, and who signed it, as verified for the newest of these containers.',
    )
    .addHelpText('after', examples([['list the artifacts on the node', 'fairlead node profiles']]))
    .addHelpText('after', exitCodes('listed', adminErrors))
    .action(profiles);
}

async function profiles(options: AdminOptions & OutputOptions): Promise<void> {
  const found = await askShim<NodeProfiles>(options, 'GET', '/v1/profiles');
  writeResult('node profiles', options.output, { json: () => found, text: () => profilesText(found) });
}

function profilesText({ profiles: listed }: NodeProfiles): string {
  if (listed.length === 0) return 'no artifacts';
  return textTable(
    ['KIND', 'REFERENCE', 'RULE', 'SIGNED BY', 'CONTAINERS', 'LAST USED'],
    listed.map(({ kind, digest, references: [first = digest, ...more], rule, signers, containers, lastUsed }) => [
      kind,
      more.length === 0 ? first : `${first} and ${more.length} more`,
      rule ?? 'none',
      signers === undefined ? 'not known: no container has it' : signersText(signers),
      `${containers.length}`,
      lastUsed,
    ]),
  );
}
