import { fullBudget } from './budget.ts';
import { combineDecisions } from './combine.ts';
import type { Encoding } from './encode.ts';
import { encodeDecision, encodeStrictest } from './encode.ts';
import { fitIntoKernel } from './filter-size.ts';
import { likeTreated } from './like-treated.ts';
import type { Decision, Meaning, Region } from './meaning.ts';
import { always, boxOf, decisionOf, meaningOf } from './meaning.ts';
import type { SeccompProfile } from './model.ts';
import { holdMultiplexers } from './multiplexer.ts';
import { namedDefault } from './named-default.ts';
import type { Outcome } from './outcome.ts';
import { RuleList } from './rule-list.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

const specAllow = 'SECCOMP_FILTER_FLAG_SPEC_ALLOW';
const log = 'SECCOMP_FILTER_FLAG_LOG';
const waitKillable = 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV';

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
  const multiplexed = holdMultiplexers(architectures, meanings, encodings, otherwise);
  for (const [name, held] of multiplexed) encodings.set(name, held);
  fitIntoKernel(encodings, architectures, (name) => simplestOf(combined.get(name)?.result ?? always(otherwise)));
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
  const flags = intersectFlags(inputs, listener);
  const silent = [...encodings].filter(([, encoding]) => encoding.rules.length === 0).map(([name]) => name);
  const profile: SeccompProfile = {
    defaultAction: otherwise.action,
    ...(otherwise.errno === undefined ? {} : { defaultErrnoRet: otherwise.errno }),
    architectures,
    ...(flags.length === 0 ? {} : { flags }),
    ...(listener?.listenerPath === undefined ? {} : { listenerPath: listener.listenerPath }),
    ...(listener?.listenerMetadata === undefined ? {} : { listenerMetadata: listener.listenerMetadata }),
    syscalls: [...rules.entries(), ...namedDefault(silent, otherwise)],
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

/** The architectures that every input has; the native one is in each, since runtimes always filter it. */
export function intersectArchitectures(inputs: readonly SeccompProfile[], native: string): readonly string[] {
  const stated = inputs.map(({ architectures }) => architectures ?? []).filter((list) => list.length > 0);
  const sets = stated.map((list) => new Set(list));
  const shared = [...new Set(stated.flat())].filter((name) => name !== native && sets.every((set) => set.has(name)));
  return [native, ...shared.sort()];
}

/** SPEC_ALLOW weakens, so all inputs must have it; LOG only tells more, so one is enough; TSYNC is what runtimes do anyway. */
function intersectFlags(inputs: readonly SeccompProfile[], listener: SeccompProfile | undefined): readonly string[] {
  const kept: string[] = [];
  if (inputs.some(({ flags }) => flags?.includes(log))) kept.push(log);
  if (inputs.every(({ flags }) => flags?.includes(specAllow))) kept.push(specAllow);
  if (listener?.flags?.includes(waitKillable)) kept.push(waitKillable);
  return kept;
}
