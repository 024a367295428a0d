import type { Command } from 'commander';
import type { ExplainedPlace } from '#operator/coverage/explain-pod';
import type { ContainerCoverage } from '#operator/coverage/pod-coverage';
import type { ContainerRefusal } from '#operator/node-decisions/pod-decisions';
import { addClusterOptions, type ClusterOptions, openCluster, readClusterPod } from '../cluster/open-cluster.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { clusterErrors, exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

/** `fairlead cluster why POD`. */
export function define(command: Command): void {
  command
    .summary('explain the profiles of a pod')
    .description(
      'Explain which bindings match each container of a pod and which of them decides, what it runs under or why its node refuses ' +
        'that, and what it would get if it was created now.',
    )
    .argument('<pod>', 'name of the pod');
  addClusterOptions(command, { all: false });
  addOutputOption(command)
    .addHelpText('after', examples([['explain a pod', 'fairlead cluster why nginx-0 -n web']]))
    .addHelpText('after', exitCodes('explained', { ...clusterErrors, NotFound: 'no such pod' }))
    .action(why);
}

async function why(name: string, options: ClusterOptions & OutputOptions): Promise<void> {
  const cluster = await openCluster(options);
  const [{ object, pod, snapshot }, { containerRefusals }, { explainPod }, { podCoverage }, { labelOf }] =
    await Promise.all([
      readClusterPod(cluster, name),
      import('#operator/node-decisions/pod-decisions'),
      import('#operator/coverage/explain-pod'),
      import('#operator/coverage/pod-coverage'),
      import('#operator/bind/binding'),
    ]);
  const context = snapshot.contextOf(pod.namespace);
  const { exemption, places } = explainPod(pod.pod, context);
  const refusals = containerRefusals(object);
  const coverage = new Map(podCoverage(pod.pod, context).map((each) => [each.title, each]));
  const explained = places.map((place) => ({
    title: place.title,
    now: coverage.get(place.title),
    refusal: refusals.get(place.container ?? ''),
    bindings: place.matching.map(({ binding, ...each }) => ({ name: labelOf(binding), ...each })),
    place,
  }));
  writeResult('cluster why', options.output, {
    json: () => ({
      namespace: pod.namespace,
      pod: pod.name,
      ...(exemption !== undefined && { exemption }),
      places: explained.map(({ title, now, refusal, bindings, place }) => ({
        place: title,
        ...(now !== undefined && { state: now.state, isOutdated: now.isOutdated, isWithdrawn: now.isWithdrawn }),
        ...(now?.profile !== undefined && { profile: now.profile }),
        ...(refusal !== undefined && { refusal }),
        bindings: bindings.map(({ lostBecause, ...each }) => ({
          ...each,
          ...(lostBecause !== undefined && { lostBecause }),
        })),
        ...(place.profile !== undefined && { wanted: place.profile }),
        ...(place.problem !== undefined && { problem: place.problem }),
      })),
    }),
    text: () =>
      [
        `pod        ${pod.namespace}/${pod.name}`,
        ...(exemption === undefined ? [] : [`exempt     ${exemption}`]),
        ...explained.flatMap((each) => ['', ...placeLines(each)]),
      ]
        .map(oneLine)
        .join('\n'),
  });
}

interface NamedBinding {
  readonly name: string;
  readonly decides: boolean;
  readonly lostBecause: string | undefined;
}

interface ShownPlace {
  readonly title: string;
  readonly now: ContainerCoverage | undefined;
  readonly refusal: ContainerRefusal | undefined;
  readonly bindings: readonly NamedBinding[];
  readonly place: ExplainedPlace;
}

function placeLines({ title, now, refusal, bindings, place: { profile, problem } }: ShownPlace): readonly string[] {
  return [
    `${title}`,
    ...(now === undefined
      ? []
      : [`  ${refusal === undefined ? 'runs under ' : 'names      '}  ${now.profile ?? now.state}`]),
    ...(refusal === undefined
      ? []
      : [`  waits        refused by node ${refusal.node}: ${refusal.kind}: ${refusal.reason}`]),
    ...(bindings.length === 0 ? ['  bindings     none matches'] : []),
    ...bindings.map(({ name, decides, lostBecause }) =>
      decides
        ? `  decides      ${name}`
        : `  matches too  ${name}${lostBecause === undefined ? '' : `, but ${lostBecause}`}`,
    ),
    ...(profile === undefined ? [] : [`  a new pod    ${profile}`]),
    ...(problem === undefined ? [] : [`  problem      ${problem}`]),
    ...(now?.isWithdrawn ? ['  withdrawn    the trust policy no longer allows what it runs under'] : []),
    ...(now?.isOutdated ? ['  outdated     a new pod would run under another profile'] : []),
  ];
}
