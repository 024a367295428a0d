import type { Command } from 'commander';
import type { BindingCoverage } from '#operator/coverage/binding-coverage';
import { addClusterOptions, type ClusterOptions, openCluster, readCluster } from '../cluster/open-cluster.ts';
import { textTable } from '../cluster/text-table.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { clusterErrors, exitCodes } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead cluster bindings`. */
export function define(command: Command): void {
  command
    .summary('list bindings and their pods')
    .description(
      'List the bindings of a namespace and of the cluster, the running pods on which each decides, how many of them are outdated, ' +
        'whether the profile is enforced or only logged, whether nodes accept it, and what keeps new pods from getting it.',
    );
  addClusterOptions(command, { all: true });
  addOutputOption(command)
    .addHelpText('after', examples([['list the bindings of a namespace', 'fairlead cluster bindings -n web']]))
    .addHelpText('after', exitCodes('listed', clusterErrors))
    .action(bindings);
}

async function bindings(options: ClusterOptions & OutputOptions): Promise<void> {
  const cluster = await openCluster(options);
  const [
    { pods, snapshot },
    { bindingConflicts },
    { bindingCoverage, coverageKey, noCoverage },
    { labelOf },
    { givenProfile },
  ] = await Promise.all([
    readCluster(cluster),
    import('#operator/coverage/binding-conflicts'),
    import('#operator/coverage/binding-coverage'),
    import('#operator/bind/binding'),
    import('#operator/bind/given-profile'),
  ]);
  const coverage = bindingCoverage(pods);
  const conflicts = bindingConflicts(snapshot.bindings, (namespace) => snapshot.contextOf(namespace));
  const listed = snapshot.bindings
    .map(({ binding, namespace, nodesAccept }) => {
      const key = coverageKey(labelOf(binding), namespace);
      const { profile, problem, brief } = givenProfile(binding, snapshot.contextOf(namespace ?? ''));
      const conflict = conflicts.get(key);
      const found = coverage.get(key) ?? noCoverage;
      return {
        namespace,
        kind: binding.kind,
        name: binding.name,
        mode: binding.parameters.mode ?? ('Enforce' as const),
        ...found,
        profiles: profile === undefined ? found.profiles : [profile],
        ...(nodesAccept !== undefined && { nodesAccept }),
        ...(problem !== undefined && { problem, brief }),
        ...(conflict !== undefined && { conflictsWith: conflict.others.map(labelOf), problem: conflict.message }),
      };
    })
    .toSorted((a, b) =>
      compareText(`${a.namespace ?? ''}/${a.kind}/${a.name}`, `${b.namespace ?? ''}/${b.kind}/${b.name}`),
    );
  writeResult('cluster bindings', options.output, {
    json: () => ({
      bindings: listed.map(({ namespace, ...each }) => ({ ...(namespace !== undefined && { namespace }), ...each })),
    }),
    text: () =>
      listed.length === 0
        ? 'no bindings'
        : textTable(
            ['NAMESPACE', 'BINDING', 'MODE', 'PODS', 'OUTDATED', 'NODESACCEPT', 'PROFILE'],
            listed.map(({ namespace, kind, name, mode, pods, outdated, nodesAccept, ...each }) => [
              namespace ?? '(cluster)',
              `${kind}/${name}`,
              mode,
              `${pods}`,
              `${outdated}`,
              nodesAccept?.status ?? '-',
              profileText(each),
            ]),
          ),
  });
}

interface ShownBinding extends Pick<BindingCoverage, 'profiles' | 'conflicts'> {
  readonly brief?: string;
  readonly conflictsWith?: readonly string[];
}

function profileText({ profiles, brief, conflictsWith, conflicts }: ShownBinding): string {
  const [first, ...more] = profiles;
  const shown = first === undefined ? '' : more.length === 0 ? first : `${first} and ${more.length} more`;
  if (conflictsWith !== undefined) return `${shown}; conflicts with ${conflictsWith.join(', ')}`;
  if (brief !== undefined) return brief;
  const refused = conflicts.slice(0, 1).map(({ pod }) => `new pods like ${pod} are refused`);
  return [shown, ...refused].filter((part) => part !== '').join('; ');
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
