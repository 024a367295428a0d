import type { Command } from 'commander';
import { addClusterOptions, type ClusterOptions, openCluster, readCluster } from '../cluster/open-cluster.ts';
import { textTable } from '../cluster/text-table.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { clusterErrors, exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead cluster coverage`. */
export function define(command: Command): void {
  command
    .summary('show what pods run under')
    .description(
      'Show for each namespace how many running pods have only containers under a verified profile: an artifact ' +
        'that nodes verify and enforce, or a profile object of the cluster. The containers of the others are counted by what they run under.',
    );
  addClusterOptions(command, { all: true });
  addOutputOption(command)
    .addHelpText('after', examples([['all namespaces', 'fairlead cluster coverage -A']]))
    .addHelpText('after', exitCodes('shown', clusterErrors))
    .action(coverage);
}

async function coverage(options: ClusterOptions & OutputOptions): Promise<void> {
  const cluster = await openCluster(options);
  const [{ pods, snapshot }, { namespaceCoverage }, { coverageStates }, { enforceLabel }] = await Promise.all([
    readCluster(cluster),
    import('#operator/coverage/namespace-coverage'),
    import('#operator/coverage/pod-coverage'),
    import('#operator/coverage/enforce'),
  ]);
  const namespaces = namespaceCoverage(pods).map((each) => {
    const enforce = snapshot.contextOf(each.namespace).cluster.namespaceLabels(each.namespace)?.get(enforceLabel);
    return { ...each, ...(enforce !== undefined && { enforce }) };
  });
  writeResult('cluster coverage', options.output, {
    json: () => ({ namespaces }),
    text: () =>
      namespaces.length === 0
        ? 'no running pods'
        : textTable(
            ['NAMESPACE', 'PODS', 'COVERED', 'OUTDATED', 'ENFORCE', 'CONTAINERS'],
            namespaces.map(({ namespace, pods, covered, outdated, enforce = '-', containers }) => [
              namespace,
              `${pods}`,
              `${covered}`,
              `${outdated}`,
              enforce,
              coverageStates
                .filter((state) => containers[state] > 0)
                .map((state) => `${containers[state]} ${state}`)
                .join(', '),
            ]),
          ),
  });
}
