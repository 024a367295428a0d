import { fullBudget } from './budget.ts';
import { combineDecisions } from './combine.ts';
import type { Encoding } from './encode.ts';
import { encodeDecision, encodeStrictest, strictestOf } from './encode.ts';
import { fitIntoKernel } from './filter-size.ts';
import { flagsField, intersectFlags } from './flags.ts';
import { likeTreated } from './like-treated.ts';
import type { Decision, Meaning, Region } from './meaning.ts';
import { always, boxOf, decisionOf, meaningOf } from './meaning.ts';
import type { SeccompProfile } from './model.ts';
import { distinguishStricter, holdMultiplexers } from './multiplexer.ts';
import { namedDefault } from './named-default.ts';
import { keepNumberLoad, unimplemented } from './number-load.ts';
import type { Outcome } from './outcome.ts';
import { enosys, stricter } from './outcome.ts';
import { RuleList } from './rule-list.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

/** One syscall of an intersection: what each input does with it, in their order, and what came out. */
export interface IntersectedSyscall {
  readonly name: string;
  readonly inputs: readonly Decision[];
  /** What holds, as written. */
  readonly result: Decision;
}

/** An intersection, with what is needed to explain it. */
export interface Intersection {
  readonly profile: SeccompProfile;
  readonly meanings: readonly Meaning[];
  /** The syscalls that any input names, sorted. */
  readonly syscalls: readonly IntersectedSyscall[];
}

/**
 * The profile that is, for every architecture, syscall and arguments, as strict as the strictest input (KEP-6061,
 * "Merge"): never looser, and equal wherever the format can say it. Inputs are in the order of the KEP: baseline,
 * base, artifact; at equal strictness the earliest gives the errno.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 * @param listener whose listenerPath, listenerMetadata and WAIT_KILLABLE_RECV count: the baseline's, if there is one.
 */
export function intersect(
  inputs: readonly SeccompProfile[],
  nativeArchitecture: string,
  listener?: SeccompProfile,
): Intersection {
  const meanings = inputs.map(meaningOf);
  const architectures = intersectArchitectures(inputs, nativeArchitecture);
  const has32Bit = architectures.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const budget = fullBudget();
  const combine = (decisions: readonly Decision[]) =>
    decisions.reduce((first, second) => combineDecisions(first, second, has32Bit, budget));
  const otherwise = combine(meanings.map((meaning) => meaning.otherwise)).otherwise;
  const encodingOf = remembered((decision: Decision) => encodeDecision(decision, otherwise, has32Bit, budget));
  const simplestOf = remembered((decision: Decision) => encodeStrictest(decision, otherwise));
  const saidBy = remembered((encoding: Encoding) => decisionSaidBy(encoding, otherwise));
  const combined = new Map<string, { readonly inputs: readonly Decision[]; readonly result: Decision }>();
  const encodings = new Map<string, Encoding>();
  for (const { names, inputs: decisions } of likeTreated(meanings)) {
    const result = combine(decisions);
    const entry = { inputs: decisions, result };
    for (const name of names) {
      combined.set(name, entry);
      encodings.set(name, encodingOf(result));
    }
  }
  const multiplexed = holdMultiplexers(architectures, inputs, encodings, otherwise, 'strictest', budget);
  for (const [name, held] of multiplexed) encodings.set(name, held);
  fitIntoKernel(encodings, architectures, (name) => simplestOf(combined.get(name)?.result ?? always(otherwise)));
  const anchor = combine(meanings.map((meaning) => decisionOf(meaning, unimplemented)));
  keepNumberLoad(encodings, architectures, distinguishStricter(stricter(strictestOf(anchor), enosys), otherwise));
  const rules = new RuleList();
  const syscalls: IntersectedSyscall[] = [];
  for (const name of [...encodings.keys()].sort()) {
    const encoding = encodings.get(name) ?? encodingOf(always(otherwise));
    rules.add(name, encoding);
    const { inputs: decisions, result } = combined.get(name) ?? {
      inputs: meanings.map((meaning) => decisionOf(meaning, name)),
    };
    syscalls.push({ name, inputs: decisions, result: (encoding.exact ? result : undefined) ?? saidBy(encoding) });
  }
  const named = new Set(inputs.flatMap(({ syscalls: entries = [] }) => entries.flatMap(({ names }) => names)));
  const silent = [...named, ...encodings.keys()].filter((name) => (encodings.get(name)?.rules.length ?? 0) === 0);
  const profile: SeccompProfile = {
    defaultAction: otherwise.action,
    ...(otherwise.errno === undefined ? {} : { defaultErrnoRet: otherwise.errno }),
    architectures,
    ...flagsField(intersectFlags(inputs, listener)),
    ...(listener?.listenerPath === undefined ? {} : { listenerPath: listener.listenerPath }),
    ...(listener?.listenerMetadata === undefined ? {} : { listenerMetadata: listener.listenerMetadata }),
    syscalls: [...rules.entries(), ...namedDefault(new Set(silent), otherwise)],
  };
  return { profile, meanings, syscalls };
}

/** What stands for a result that could not be written exactly. */
function decisionSaidBy({ rules, exact }: Encoding, byDefault: Outcome): Decision {
  const [only] = rules;
  const outcome = only === undefined ? byDefault : only.outcome;
  if (only === undefined || only.args.length === 0) return { ...always(outcome), exact };
  const regions: Region[] = [];
  for (const { args, outcome: held } of rules) {
    const box = boxOf(args);
    if (box !== undefined) regions.push({ box, outcome: held });
  }
  return { regions, otherwise: byDefault, exact, wide: false };
}

/** A function that is asked for each thing once; many syscalls share their decisions. */
function remembered<Of extends object, Result>(find: (of: Of) => Result): (of: Of) => Result {
  const known = new Map<Of, Result>();
  return (of) => {
    const result = known.get(of) ?? find(of);
    known.set(of, result);
    return result;
  };
}

/**
 * Returns the architectures that every input filters, the native one first. An input that lists none
 * filters the native one alone, as runtimes load it: programs of other architectures are killed.
 */
export function intersectArchitectures(inputs: readonly SeccompProfile[], native: string): readonly string[] {
  const lists = inputs.map(({ architectures }) => new Set(architectures));
  const [first = new Set<string>(), ...others] = lists;
  const shared = [...first].filter((name) => name !== native && others.every((set) => set.has(name)));
  return [native, ...shared.sort()];
}
