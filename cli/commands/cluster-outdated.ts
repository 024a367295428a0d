import type { Command } from 'commander';
import {
  addClusterOptions,
  type ClusterOptions,
  openCluster,
  readCluster,
  readClusterCronJobs,
} from '../cluster/open-cluster.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { clusterErrors, exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** `fairlead cluster outdated`. */
export function define(command: Command): void {
  command
    .summary('show what to restart after an update')
    .description(
      'List what has running pods under another profile than new pods would get, such as an older digest, with the command that ' +
        'replaces these pods. Nothing is restarted: the commands on stdout can be reviewed and run.',
    );
  addClusterOptions(command, { all: true });
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show the commands', 'fairlead cluster outdated -A'],
        ['run them', 'fairlead cluster outdated -n web | sh'],
      ]),
    )
    .addHelpText('after', exitCodes('listed', clusterErrors))
    .action(outdated);
}

async function outdated(options: ClusterOptions & OutputOptions): Promise<void> {
  const cluster = await openCluster(options);
  const [{ pods }, { isOutdatedPod, isPodOfJob, outdatedOwners }] = await Promise.all([
    readCluster(cluster),
    import('#operator/coverage/outdated-owners'),
  ]);
  const areJobs = pods.some((pod) => isOutdatedPod(pod) && isPodOfJob(pod));
  const owners = outdatedOwners(pods, areJobs ? await readClusterCronJobs(cluster) : undefined);
  writeResult('cluster outdated', options.output, {
    json: () => ({
      owners: owners.map(({ remedy, owner: { kind, name }, ...rest }) => ({ ...rest, kind, name, ...remedy })),
    }),
    // Valid for a shell: all that is not a command is a comment.
    text: () =>
      owners.length === 0
        ? '# no pod is outdated'
        : owners
            .flatMap(({ namespace, owner, pods, bindings, remedy }) => [
              `# ${owner.kind} ${namespace}/${owner.name}: ${count(pods.length)} without the profile of ${bindings.join(', ')}`,
              'command' in remedy ? remedy.command : `# ${remedy.note}`,
            ])
            .map(oneLine)
            .join('\n'),
  });
}

function count(pods: number): string {
  return pods === 1 ? '1 pod' : `${pods} pods`;
}
