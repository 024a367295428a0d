import type { Constraint, EffectiveInputs, EffectiveProfile, ProfileInput } from '../constraint.ts';
import { inputsInOrder, mapInputs } from '../constraint.ts';
import { writtenAlike } from './algebra/compare.ts';
import type { Decision } from './algebra/decision.ts';
import { levelsOf } from './algebra/decision.ts';
import { describeDecision } from './algebra/describe.ts';
import { describeOutcome, strictness } from './algebra/outcome.ts';
import { asApplied } from './as-applied.ts';
import { flagsInEffect } from './flags.ts';
import type { Intersection } from './intersect.ts';
import { intersect, intersectArchitectures } from './intersect.ts';
import type { SeccompProfile } from './model.ts';
import { companions } from './tables/architecture.ts';

/**
 * Returns what a runtime is to apply: the intersection of the node's baseline, the pod's base
 * profile and the artifact, each as nodes apply it (see asApplied), and in which respects it is
 * stricter than the artifact: defaultAction first, then architectures, flags, listener fields and
 * syscalls by name. It is never laxer than an input, except that an artifact which is not enforced
 * refuses nothing: it logs what it would refuse and the others allow.
 *
 * @param nativeArchitecture the node's own, as SCMP_ARCH_*.
 */
export function effectiveSeccomp(
  inputs: EffectiveInputs<SeccompProfile>,
  nativeArchitecture: string,
): EffectiveProfile<SeccompProfile> {
  return effectiveAsWritten(
    mapInputs(inputs, (profile) => asApplied(profile, nativeArchitecture)),
    nativeArchitecture,
  );
}

/** Returns the same for inputs that hold as they are written. */
export function effectiveAsWritten(
  inputs: EffectiveInputs<SeccompProfile>,
  nativeArchitecture: string,
): EffectiveProfile<SeccompProfile> {
  const { baseline, artifact, mode } = inputs;
  const given = inputsInOrder(inputs);
  const kinds = given.map(({ input }) => input);
  const profiles = given.map(({ profile }) => profile);
  const found = intersect(profiles, nativeArchitecture, baseline);
  const constraints = [
    ...defaultConstraints(found, kinds),
    ...listConstraints(found.profile, kinds, profiles, nativeArchitecture),
    ...listenerConstraints(artifact),
    ...syscallConstraints(found, kinds),
  ];
  if (mode === undefined) return { profile: found.profile, constraints };
  const { profile } = intersect(profiles, nativeArchitecture, baseline, mode);
  const enforced = found.profile.architectures ?? [];
  const unlogged = companions(nativeArchitecture).filter(
    (name) => profile.architectures?.includes(name) && !enforced.includes(name),
  );
  return { profile, constraints, unlogged };
}

function defaultConstraints(found: Intersection, kinds: readonly ProfileInput[]): readonly Constraint[] {
  const outcomes = found.meanings.map((meaning) => meaning.otherwise.otherwise);
  const wanted = outcomes.at(-1);
  if (wanted === undefined) return [];
  const level = Math.max(...outcomes.map(strictness));
  if (strictness(wanted) === level) return [];
  const by = outcomes.findIndex((outcome) => strictness(outcome) === level);
  const to = outcomes[by] ?? wanted;
  return [constraint('defaultAction', kinds[by], describeOutcome(wanted), describeOutcome(to), true)];
}

function listConstraints(
  effective: SeccompProfile,
  kinds: readonly ProfileInput[],
  profiles: readonly SeccompProfile[],
  native: string,
): readonly Constraint[] {
  const constraints: Constraint[] = [];
  const wanted = profiles.at(-1);
  if (wanted === undefined) return [];
  const others = profiles.slice(0, -1);
  // Programs of other architectures do not run on this machine, so that nothing is lost with them.
  const runnable = companions(native);
  for (const name of wanted.architectures ?? []) {
    if (effective.architectures?.includes(name) || !runnable.includes(name)) continue;
    const by = others.findIndex((profile) => !intersectArchitectures([profile, wanted], native).includes(name));
    constraints.push(constraint('architectures', kinds[by], name, 'calls are killed', true));
  }
  const inEffect = flagsInEffect(effective);
  for (const name of flagsInEffect(wanted)) {
    if (inEffect.has(name)) continue;
    const by = others.findIndex((profile) => !flagsInEffect(profile).has(name));
    constraints.push(constraint('flags', kinds[by], name, 'not set', true));
  }
  return constraints;
}

/**
 * Returns the constraints of listener fields, which come from the baseline only (KEP-6061): an
 * artifact must not choose who decides about its calls.
 */
function listenerConstraints(artifact: SeccompProfile): readonly Constraint[] {
  const fields = (['listenerPath', 'listenerMetadata'] as const).filter((name) => artifact[name] !== undefined);
  return fields.map((name) => constraint('listener', 'baseline', name, 'not set', true));
}

function syscallConstraints(found: Intersection, kinds: readonly ProfileInput[]): readonly Constraint[] {
  const byDefault = found.meanings.at(-1)?.otherwise;
  if (byDefault === undefined) return [];
  const isDefaultChanged = found.meanings.some(
    ({ otherwise }) => strictness(otherwise.otherwise) > strictness(byDefault.otherwise),
  );
  const constrained: number[] = [];
  const stepsAt: (readonly Step[])[] = new Array(found.ids.size);
  for (const { syscalls, inputs, result } of found.groups) {
    // What the artifact leaves to its default is reported once, as defaultAction.
    if (isDefaultChanged && inputs.at(-1) === byDefault) continue;
    const steps = stepsOf(inputs, result, kinds);
    if (steps.length === 0) continue;
    for (const id of syscalls) {
      constrained.push(id);
      stepsAt[id] = steps;
    }
  }
  return found.ids.sorted(constrained).flatMap((id) => {
    const subject = found.ids.nameOf(id);
    return (stepsAt[id] ?? []).map(({ input, from, to, exact }) => ({ subject, input, from, to, exact }));
  });
}

type Step = Omit<Constraint, 'subject'>;

function stepsOf(inputs: readonly Decision[], result: Decision, kinds: readonly ProfileInput[]): readonly Step[] {
  const { exact } = result;
  const wanted = inputs.at(-1);
  if (wanted === undefined || (exact && !tightened(wanted, result))) return [];
  const laxest = describeDecision(wanted);
  const constraining = kinds.filter((_, index) => {
    const input = inputs[index];
    return input !== undefined && index < kinds.length - 1 && mayTighten(input, wanted);
  });
  const by = constraining.length === 0 ? (['artifact'] as const) : constraining;
  const to = describeDecision(result);
  return by.map((input) => ({ input, from: laxest, to, exact }));
}

function tightened(wanted: Decision, result: Decision): boolean {
  if (writtenAlike(wanted, result)) return false;
  const [first, second] = [levelsOf(wanted), levelsOf(result)];
  // Equally strict everywhere: only the errno differs.
  return Math.min(first.least, second.least) < Math.max(first.most, second.most);
}

/**
 * Reports whether `input` is stricter than `wanted` for some arguments, as far as their outcomes
 * show.
 */
function mayTighten(input: Decision, wanted: Decision): boolean {
  return levelsOf(input).most > levelsOf(wanted).least && !writtenAlike(input, wanted);
}

function constraint(
  subject: string,
  input: ProfileInput | undefined,
  from: string,
  to: string,
  exact: boolean,
): Constraint {
  return { subject, input: input ?? 'artifact', from, to, exact };
}
