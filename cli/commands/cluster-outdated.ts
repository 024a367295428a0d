import type { Command } from 'commander';
import type { OwnerOfPods } from '#operator/coverage/outdated-owners';
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
        'replaces these pods. Nothing is restarted: the commands on stdout can be reviewed and run. What has pods under an artifact that ' +
        'the trust policy no longer allows is listed without a command: new pods are refused.',
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
  const [{ pods }, { isOutdatedPod, isPodOfJob, isWithdrawnPod, outdatedOwners, withdrawnOwners }] = await Promise.all([
    readCluster(cluster),
    import('#operator/coverage/outdated-owners'),
  ]);
  const areJobs = pods.some((pod) => (isOutdatedPod(pod) || isWithdrawnPod(pod)) && isPodOfJob(pod));
  const cronJobs = areJobs ? await readClusterCronJobs(cluster) : undefined;
  const owners = outdatedOwners(pods, cronJobs);
  const withdrawn = withdrawnOwners(pods, cronJobs);
  writeResult('cluster outdated', options.output, {
    json: () => ({
      owners: owners.map(({ remedy, owner: { kind, name }, ...rest }) => ({ ...rest, kind, name, ...remedy })),
      withdrawn: withdrawn.map(({ owner: { kind, name }, ...rest }) => ({ ...rest, kind, name })),
    }),
    // Valid for a shell: all that is not a command is a comment.
    text: () =>
      owners.length + withdrawn.length === 0
        ? '# no pod is outdated'
        : [
            ...owners.flatMap(({ pods, bindings, remedy, ...each }) => [
              `# ${ownerText(each)}: ${count(pods.length)} without the profile of ${bindings.join(', ')}`,
              'command' in remedy ? remedy.command : `# ${remedy.note}`,
            ]),
            ...withdrawn.flatMap(({ pods, bindings, ...each }) => [
              `# ${ownerText(each)}: ${count(pods.length)} under an artifact that the trust policy no longer allows, of ${bindings.join(', ')}`,
              '# new pods are refused until the policy allows it again, or another one',
            ]),
          ]
            .map(oneLine)
            .join('\n'),
  });
}

function ownerText({ namespace, owner }: Pick<OwnerOfPods, 'namespace' | 'owner'>): string {
  return `${owner.kind} ${namespace}/${owner.name}`;
}

function count(pods: number): string {
  return pods === 1 ? '1 pod' : `${pods} pods`;
}
