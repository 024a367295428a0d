import { argumentSet } from '../algebra/argument-set.ts';
import type { Budget } from '../algebra/budget.ts';
import { fullBudget } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { decisionOf, meaningOf, strictestOfBoth } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { enosys, outcomeOf, sameOutcome, stricter } from '../algebra/outcome.ts';
import { readMeaning } from '../algebra/read-meaning.ts';
import { apart } from '../algebra/regions.ts';
import { encodeDecision, encodeStrictest, strictestOf } from '../libseccomp/encode.ts';
import { encodingsOf } from '../libseccomp/encoded-group.ts';
import type { EncodedRule, Encoding } from '../libseccomp/encoding.ts';
import { fitIntoKernel } from '../libseccomp/filter-size.ts';
import { intArguments } from '../libseccomp/int-arguments.ts';
import { narrowDecision, withoutUpperBits } from '../libseccomp/kernel-reading.ts';
import { loadedRules } from '../libseccomp/load-cost.ts';
import { closeMultiplexers, distinguishStricter, holdMultiplexers } from '../libseccomp/multiplexer.ts';
import { namedDefault } from '../libseccomp/named-default.ts';
import { keepNumberLoad } from '../libseccomp/number-load.ts';
import { entriesOf } from '../libseccomp/rule-list.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { multiplexers } from '../tables/multiplexed-names.ts';
import { SyscallIds } from '../tables/syscall-ids.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/** A node accepts at most this many entries for one syscall from a registry by default. */
const maxRules = 128;

/** A syscall whose conditions were rewritten. */
export interface NarrowedSyscall {
  readonly name: string;
  /** False if it is stricter than it would have to be, because that would take too many rules. */
  readonly exact: boolean;
}

/**
 * Returns a profile whose conditions on arguments of which the kernel takes 32 bits (see
 * intArguments) hold for these bits. A filter compares 64: socket(0x100000026) passes a rule
 * against family 0x26, and the kernel opens a socket of that family. The outcome of a call becomes
 * the stricter of the one for its arguments and the one for their low halves, so that it is never
 * laxer than before, and the same if no upper bit is set. It is written as masked comparisons;
 * syscalls whose upper bits let nothing through keep their entries. For socketcall and ipc see
 * closeMultiplexers.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 * @returns the profile itself if there is nothing to do; the syscalls in the order of their names.
 */
export function narrowComparisons(
  profile: SeccompProfile,
  nativeArchitecture: string,
): { readonly profile: SeccompProfile; readonly narrowed: readonly NarrowedSyscall[] } {
  const architectures = [...new Set([nativeArchitecture, ...(profile.architectures ?? [])])];
  const meaning = meaningOf(profile);
  const encodings = new Map([
    ...narrowedEncodings(meaning, architectures),
    ...closeMultiplexers(profile, architectures),
  ]);
  if (encodings.size === 0) return { profile, narrowed: [] };
  fitTogether(profile, meaning, encodings, architectures);
  const dropped = new Set([
    ...keepMultiplexers(profile, encodings, architectures),
    ...keepLoaded(profile, meaning, encodings, architectures),
  ]);
  const narrowed = [...encodings].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { exact }]) => ({ name, exact }));
  return { profile: withRules(profile, meaning.otherwise.otherwise, encodings, dropped), narrowed };
}

/** Returns the rules of the syscalls that change. */
function narrowedEncodings(meaning: Meaning, architectures: readonly string[]): Map<string, Encoding> {
  const has32Bit = architectures.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const byDefault = meaning.otherwise.otherwise;
  const budget = fullBudget();
  const encode = (decision: Decision) => encodeAnew(decision, byDefault, has32Bit, budget);
  const encodings = new Map<string, Encoding>();
  // Syscalls of the same entries share their decision, which is narrowed once.
  const known = new Map<Decision, Map<string, Encoding | undefined>>();
  const conditional = [...meaning.decisions].filter(([, { regions }]) => regions.length > 0);
  // Those with the fewest conditions first: the budget then lasts for most.
  for (const [name, decision] of conditional.sort(([, a], [, b]) => a.regions.length - b.regions.length)) {
    const indexes = intArguments(name, architectures);
    const found = known.get(decision) ?? new Map<string, Encoding | undefined>();
    known.set(decision, found);
    const key = indexes.join();
    if (!found.has(key)) {
      const narrow = narrowDecision(decision, indexes, has32Bit, budget);
      const simpler = () => withoutUpperBits(decision, indexes);
      found.set(key, narrow === decision ? undefined : encodingOf(narrow, simpler, encode));
    }
    const encoding = found.get(key);
    if (encoding !== undefined) encodings.set(name, encoding);
  }
  return encodings;
}

/**
 * Returns the rules of a decision or, if these are too many or not exact, those of a simpler one.
 */
function encodingOf(decision: Decision, simpler: () => Decision, encode: (decision: Decision) => Encoding): Encoding {
  const encoding = encode(decision);
  if (encoding.exact && encoding.rules.length <= maxRules) return encoding;
  const other = encode(simpler());
  const isBetter = other.exact && (!encoding.exact || other.rules.length <= maxRules);
  return isBetter ? { ...other, exact: false } : encoding;
}

/**
 * Returns the rules of a decision. All of them compare the same arguments, so that conditions on
 * different ones may take fewer rules if they do not overlap.
 */
function encodeAnew(decision: Decision, byDefault: Outcome, has32Bit: boolean, budget: Budget): Encoding {
  const encoding = encodeDecision(decision, byDefault, has32Bit, budget);
  const compared = new Set(decision.regions.map(({ box }) => box.map(({ index }) => index).join()));
  if (compared.size < 2 || !decision.exact) return encoding;
  const regions = apart(decision.regions, budget);
  const other = regions && encodeDecision({ ...decision, regions }, byDefault, has32Bit, budget);
  return other?.exact && (!encoding.exact || other.rules.length < encoding.rules.length) ? other : encoding;
}

/**
 * Simplifies the new rules that would make the filter too large for the kernel; see fitIntoKernel.
 */
function fitTogether(
  profile: SeccompProfile,
  meaning: Meaning,
  encodings: Map<string, Encoding>,
  architectures: readonly string[],
): void {
  const byDefault = meaning.otherwise.otherwise;
  const ids = new SyscallIds();
  const groups = [...loadedEncodings(profile, encodings)].map(([name, encoding]) => {
    return { name, syscalls: [ids.idOf(name)], encoding };
  });
  const isSimple = ({ rules }: Encoding) => rules.every(({ args }) => args.length === 0);
  const simpler = fitIntoKernel(groups, ids, architectures, ({ name, encoding }) =>
    encodings.has(name) && !isSimple(encoding) ? encodeStrictest(decisionOf(meaning, name), byDefault) : encoding,
  );
  for (const [name, encoding] of simpler) if (encodings.has(name)) encodings.set(name, encoding);
}

/**
 * Keeps the new rules from clashing where libseccomp adds them to socketcall or ipc; see
 * holdMultiplexers.
 *
 * @returns the names that fall to the default for that.
 */
function keepMultiplexers(
  profile: SeccompProfile,
  encodings: Map<string, Encoding>,
  architectures: readonly string[],
): readonly string[] {
  const ids = new SyscallIds();
  const meaning = readMeaning(profile, ids, strictestOfBoth);
  const groups = [...loadedEncodings(profile, encodings)].map(([name, encoding]) => {
    return { syscalls: [ids.idOf(name)], encoding };
  });
  const byDefault = meaning.otherwise.otherwise;
  const budget = fullBudget();
  const held = holdMultiplexers(architectures, [meaning], encodingsOf(groups, ids), byDefault, 'strictest', budget);
  const changed = multiplexers.filter((each) => [each, ...each.members].some(({ name }) => encodings.has(name)));
  const isChanged = (name: string) => changed.some((each) => [each, ...each.members].some((one) => one.name === name));
  const replaced = [...held].filter(([name]) => isChanged(name));
  for (const [name, encoding] of replaced) encodings.set(name, encoding);
  return replaced.flatMap(([name, { rules }]) => (rules.length === 0 ? [name] : []));
}

/**
 * Keeps libseccomp from losing all rules of an architecture, see keepNumberLoad: which of them it
 * begins with may change with their number.
 *
 * @returns the names that fall to the default for that.
 */
function keepLoaded(
  profile: SeccompProfile,
  meaning: Meaning,
  encodings: Map<string, Encoding>,
  architectures: readonly string[],
): readonly string[] {
  const byDefault = meaning.otherwise.otherwise;
  const ids = new SyscallIds();
  const groups = [...loadedEncodings(profile, encodings)].map(([name, encoding]) => {
    return { syscalls: [ids.idOf(name)], encoding };
  });
  const replacements = keepNumberLoad(groups, ids, architectures, (unimplemented) =>
    distinguishStricter(stricter(strictestOf(decisionOf(meaning, unimplemented)), enosys), byDefault),
  );
  for (const [name, encoding] of replacements) encodings.set(name, encoding);
  return [...replacements].flatMap(([name, { rules }]) => (rules.length === 0 ? [name] : []));
}

/**
 * Returns the rules of each syscall with rules: the new and the unchanged ones, or those of the
 * profile.
 */
function loadedEncodings(
  profile: SeccompProfile,
  encodings: ReadonlyMap<string, Encoding>,
): ReadonlyMap<string, Encoding> {
  const written = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const own = new Map<string, EncodedRule[]>();
  for (const rule of profile.syscalls ?? []) {
    if (saysDefault(rule, written)) continue;
    const outcome = outcomeOf(rule.action, rule.errnoRet);
    const asRules = (list: readonly (readonly SeccompArg[])[]) => list.map((args) => ({ args, outcome }));
    const [added, stays] = [asRules(loadedRules(rule.args ?? [])), asRules(neverMet(rule))];
    for (const name of rule.names) {
      const rules = own.get(name) ?? [];
      own.set(name, rules);
      rules.push(...(encodings.has(name) ? stays : added));
    }
  }
  const all = new Map<string, Encoding>();
  for (const [name, rules] of own) all.set(name, { rules, exact: true });
  for (const [name, { rules, exact }] of encodings) {
    all.set(name, { rules: [...rules, ...(own.get(name) ?? [])], exact });
  }
  return all;
}

/** Returns the profile with other rules for some syscalls, after those of the others. */
function withRules(
  profile: SeccompProfile,
  byDefault: Outcome,
  encodings: ReadonlyMap<string, Encoding>,
  dropped: ReadonlySet<string>,
): SeccompProfile {
  const written = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const kept: SeccompRule[] = [];
  const silent = new Set([...encodings].filter(([, { rules }]) => rules.length === 0).map(([name]) => name));
  for (const rule of profile.syscalls ?? []) {
    const isIdle = saysDefault(rule, written);
    if (isIdle) for (const name of rule.names) silent.delete(name);
    const changed = isIdle ? [] : rule.names.filter((name) => encodings.has(name));
    if (changed.length === 0) kept.push(rule);
    else if (changed.length < rule.names.length) {
      kept.push({ ...rule, names: rule.names.filter((name) => !encodings.has(name)) });
    }
    const stays = changed.filter((name) => !dropped.has(name));
    if (stays.length > 0) kept.push(...neverMet(rule).map((args) => ({ ...rule, names: stays, args })));
  }
  const ids = new SyscallIds();
  const groups = [...encodings].map(([name, encoding]) => ({ syscalls: [ids.idOf(name)], encoding }));
  return { ...profile, syscalls: [...kept, ...entriesOf(groups, ids), ...namedDefault(silent, byDefault)] };
}

/**
 * Reports whether a rule repeats the default. Runtimes add no such rules, but learn the names of
 * syscalls from them.
 */
function saysDefault({ action, errnoRet }: SeccompRule, byDefault: Outcome): boolean {
  return sameOutcome(outcomeOf(action, errnoRet), byDefault);
}

/**
 * Returns what of an entry no call meets: through socketcall and ipc, where conditions on the first
 * argument are lost, it is met.
 */
function neverMet({ args = [] }: SeccompRule): readonly (readonly SeccompArg[])[] {
  return loadedRules(args).filter((conditions) => conditions.some((arg) => argumentSet(arg) === 'none'));
}
