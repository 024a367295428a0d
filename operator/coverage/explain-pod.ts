import type { Pod } from '../api/pod.ts';
import { type Binding, inOrder } from '../bind/binding.ts';
import { localhostProfileOf } from '../bind/bound-profile.ts';
import { type BindingContext, bindingsFor, exemptionOf, governing } from '../bind/decide.ts';
import { containerOf, judge } from '../bind/judge.ts';
import { allSettings, type SeccompSetting } from '../bind/seccomp-setting.ts';
import {
  type BoundContainer,
  compareSpecificity,
  type PodBudget,
  podBudget,
  specificityOf,
} from '../bind/specificity.ts';
import { judgementProblem } from './judgement-problem.ts';

/** A binding that matches a container or the pod itself. */
export interface MatchingBinding {
  readonly binding: Binding;
  readonly decides: boolean;
  /** Why another one decides. */
  readonly lostBecause: string | undefined;
}

/** All are listed, for a person who asks. */
const unlimited: PodBudget = { steps: Number.POSITIVE_INFINITY };

/** Why a place of a pod gets the profile that it gets. */
export interface ExplainedPlace {
  /** The name of the place in messages: `the pod`, `container "app"`. */
  readonly title: string;
  /** The name of the container; undefined for the pod itself. */
  readonly container: string | undefined;
  /** All bindings that match it, those that decide first. */
  readonly matching: readonly MatchingBinding[];
  /** The Localhost profile that a new pod would get here, if bindings decide on it. */
  readonly profile: string | undefined;
  /** Why it would get none, and the next step. */
  readonly problem: string | undefined;
}

/** Why a pod gets the profiles that it gets. */
export interface ExplainedPod {
  /** Why no binding is for it, if that is so. */
  readonly exemption: string | undefined;
  readonly places: readonly ExplainedPlace[];
}

/** By what a binding is more specific, in the order of `Specificity`. */
const reasons = [
  'names the container',
  'matches the image more specifically',
  'selects pods by their labels',
  'is for one namespace',
] as const;

/**
 * Explains which bindings decide on the pod itself and on each of its containers, by the functions
 * that admission decides with.
 */
export function explainPod(pod: Pod, context: BindingContext): ExplainedPod {
  const exemption = exemptionOf(pod);
  const forNamespace = bindingsFor(context);
  if ('outcome' in forNamespace) return { exemption: forNamespace.reason, places: [] };
  const bindings = governing(pod, forNamespace, context);
  const budget = podBudget();
  const places = allSettings(pod).map((setting) => explainPlace(setting, bindings, context, budget));
  return { exemption, places: exemption === undefined ? places : [] };
}

function explainPlace(
  setting: SeccompSetting,
  bindings: readonly Binding[],
  context: BindingContext,
  budget: PodBudget,
): ExplainedPlace {
  const container = containerOf(setting);
  const place = judge(setting, bindings, context, budget);
  const judgement = place?.judgement;
  const deciding = new Set(place?.bindings);
  const [winner] = deciding;
  const matching = inOrder(bindings.filter((binding) => specificityOf(binding, container, unlimited) !== undefined));
  const decides = matching.filter((binding) => deciding.has(binding));
  const others = matching.filter((binding) => !deciding.has(binding));
  return {
    title: setting.title,
    container: setting.container?.name,
    matching: [
      ...decides.map((binding) => ({ binding, decides: true, lostBecause: undefined })),
      ...others.map((binding) => ({ binding, decides: false, lostBecause: lossOf(binding, winner, container) })),
    ],
    profile: judgement && 'profile' in judgement ? localhostProfileOf(judgement.profile) : undefined,
    problem: judgement && judgementProblem(judgement),
  };
}

function lossOf(
  loser: Binding,
  winner: Binding | undefined,
  container: BoundContainer | undefined,
): string | undefined {
  const [less, more] = [
    specificityOf(loser, container, unlimited),
    winner && specificityOf(winner, container, unlimited),
  ];
  if (less === undefined || more === undefined || compareSpecificity(less, more) >= 0) return undefined;
  const at = more.findIndex((rank, index) => rank !== less[index]);
  return `${winner?.kind} ${winner?.name} ${reasons[at]}`;
}
