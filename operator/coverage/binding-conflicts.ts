import { type LabelSelector, selects } from '../api/label-selector.ts';
import type { Pod } from '../api/pod.ts';
import type { ImagePattern } from '../api/shared/image-pattern.ts';
import { type Binding, labelOf } from '../bind/binding.ts';
import { type BindingContext, bindingsFor, selecting } from '../bind/decide.ts';
import { judge } from '../bind/judge.ts';
import { allSettings } from '../bind/seccomp-setting.ts';
import { type PodBudget, podBudget } from '../bind/specificity.ts';
import { coverageKey } from './binding-coverage.ts';
import { judgementProblem } from './judgement-problem.ts';

/** That new pods are refused because other bindings decide on them as specifically. */
export interface BindingConflict {
  /** The other bindings that decide on such a pod. */
  readonly others: readonly Binding[];
  /** What each binding specifies, and the next step. */
  readonly message: string;
}

/** What no binding names, and which therefore stands for everything else. */
const any = { container: '-', image: 'registry.invalid/any', label: 'any' };

/**
 * Returns the conflicts of the bindings of a namespace, by `coverageKey`, without those of the
 * cluster: whether a pod that one of them selects by exactly its own labels, containers and images
 * would be refused, by the functions that admission decides with. A conflict for pods with more
 * labels than a binding names is found only once such a pod runs. So is one that is beyond the
 * budget of a pod, which all bindings share here.
 */
export function namespaceConflicts(context: BindingContext): ReadonlyMap<string, BindingConflict> {
  const found = new Map<string, BindingConflict>();
  const bindings = bindingsFor(context);
  // Without the labels of the namespace it is not known which bindings are for it.
  if ('outcome' in bindings) return found;
  const budget = podBudget();
  for (const binding of bindings) {
    if (binding.kind !== 'ClusterArtifactBinding') findConflict(binding, bindings, { ...context, budget }, found);
  }
  return found;
}

/**
 * Returns the conflicts of the bindings of the cluster with each other, as
 * {@link namespaceConflicts}: in a namespace with exactly the labels that a binding names.
 */
export function clusterConflicts({ bindings, ...context }: BindingContext): ReadonlyMap<string, BindingConflict> {
  const found = new Map<string, BindingConflict>();
  const all = bindings.filter(({ kind }) => kind === 'ClusterArtifactBinding');
  const budget = podBudget();
  const areForAll = all.every(({ namespaceSelector }) => namespaceSelector === undefined);
  for (const binding of all) {
    const labels = labelsFor(binding.namespaceSelector ?? {});
    const isForNamespace = ({ namespaceSelector }: Binding) =>
      namespaceSelector === undefined || selects(namespaceSelector, labels);
    const own = areForAll ? all : all.filter(isForNamespace);
    if (own.includes(binding)) findConflict(binding, own, { ...context, bindings: own, budget }, found);
  }
  return found;
}

/**
 * Returns the conflicts of bindings, by `coverageKey`.
 *
 * @param bindings those of the cluster, and of some namespaces
 * @param contextOf returns what the pods of a namespace are decided with
 */
export function bindingConflicts(
  bindings: readonly { readonly namespace: string | undefined }[],
  contextOf: (namespace: string) => BindingContext,
): ReadonlyMap<string, BindingConflict> {
  const namespaces = new Set(bindings.flatMap(({ namespace }) => namespace ?? []));
  return new Map([
    ...clusterConflicts(contextOf('')),
    ...[...namespaces].flatMap((namespace) => [...namespaceConflicts(contextOf(namespace))]),
  ]);
}

function findConflict(
  binding: Binding,
  bindings: readonly Binding[],
  { budget, ...context }: BindingContext & { readonly budget: PodBudget },
  found: Map<string, BindingConflict>,
): void {
  const pod = podFor(binding);
  const selected = selecting(pod, bindings);
  if (selected.length < 2) return;
  for (const setting of allSettings(pod)) {
    const place = judge(setting, selected, context, budget);
    if (place === undefined || !('conflict' in place.judgement)) continue;
    const message = `New pods that these bindings select are refused: ${judgementProblem(place.judgement)}`;
    for (const each of place.bindings) {
      const key = coverageKey(labelOf(each), context.namespace);
      if (!found.has(key)) found.set(key, { others: place.bindings.filter((other) => other !== each), message });
    }
  }
}

/** Returns a pod with what a binding selects by, and with nothing else. */
function podFor({ podSelector, containers = [any.container], images }: Binding): Pod {
  const [image = any.image, ...others] = Array.isArray(images) ? images.map(imageFor) : [];
  const [name = any.container] = containers;
  return {
    metadata: { labels: labelsFor(podSelector), annotations: undefined },
    spec: {
      os: undefined,
      nodeSelector: undefined,
      securityContext: undefined,
      initContainers: undefined,
      containers: [
        ...containers.map((each) => ({ name: each, image, securityContext: undefined })),
        ...others.map((each) => ({ name, image: each, securityContext: undefined })),
      ],
      ephemeralContainers: undefined,
    },
  };
}

/** Returns the fewest labels that a selector selects, unless it selects none. */
function labelsFor({ matchLabels = {}, matchExpressions = [] }: LabelSelector): Map<string, string> {
  const labels = new Map<string, string>();
  for (const { key, operator, values: [value = any.label] = [] } of matchExpressions) {
    if (operator === 'In' || operator === 'Exists') labels.set(key, value);
  }
  for (const [key, value] of Object.entries(matchLabels)) labels.set(key, value);
  return labels;
}

/** Returns the name of an image that a pattern matches. */
function imageFor({ repository, tag, digest }: ImagePattern): string {
  const name = repository.replaceAll(/\*+/g, 'a');
  if (digest !== undefined) return `${name}@${digest}`;
  return tag === undefined ? name : `${name}:${tag.replaceAll('*', 'a')}`;
}
