import type { Violation } from '../../violation.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { maxLoadableErrno, outcomeOf, returnsErrno, sameOutcome } from '../algebra/outcome.ts';
import { loadedRules } from '../libseccomp/load-cost.ts';
import type { SeccompAction, SeccompArg, SeccompProfile } from '../model.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/** What the validation of other runtimes that implement KEP-6061 takes at most. */
const most = { namesPerEntry: 1024, rulesPerSyscall: 256, rules: 16_384 };
const word = 0xffff_ffffn;

/**
 * Returns what other runtimes than Fairlead's nodes refuse of a profile, each with its JSON
 * pointer: those that implement KEP-6061 validate what they pull more strictly than its text, and
 * crun and libseccomp refuse some of what the text allows. Fairlead's nodes take such profiles,
 * since they load only what they made of them.
 */
export function portabilityViolations(profile: SeccompProfile): readonly Violation[] {
  return [
    ...repeated('/architectures', profile.architectures),
    ...repeated('/flags', profile.flags),
    ...errnoViolations('/defaultErrnoRet', profile.defaultAction, profile.defaultErrnoRet),
    ...entryViolations(profile),
    ...ruleViolations(profile),
  ];
}

function repeated(list: string, words: readonly string[] = []): readonly Violation[] {
  return words.flatMap((word, index) =>
    words.indexOf(word) < index ? [{ pointer: `${list}/${index}`, message: `${word} is listed twice` }] : [],
  );
}

function errnoViolations(pointer: string, action: SeccompAction, errno: number | undefined): readonly Violation[] {
  if (errno === undefined) return [];
  if (!returnsErrno(action)) {
    return [{ pointer, message: `${action} returns no error number, and crun refuses a profile that sets one` }];
  }
  if (action !== 'SCMP_ACT_ERRNO' || errno <= maxLoadableErrno) return [];
  return [
    {
      pointer,
      message: `${errno} is above ${maxLoadableErrno}, the highest that libseccomp accepts: no container starts`,
    },
  ];
}

function entryViolations({ architectures = [], syscalls = [] }: SeccompProfile): readonly Violation[] {
  const narrow = architectures.find((name) => knownArchitectures.get(name)?.bits === 32);
  const violations: Violation[] = [];
  for (const [index, { names, action, errnoRet, args = [] }] of syscalls.entries()) {
    const pointer = `/syscalls/${index}`;
    if (names.length > most.namesPerEntry) {
      violations.push({
        pointer: `${pointer}/names`,
        message: `${names.length} names are more than ${most.namesPerEntry}`,
      });
    }
    for (const [at, name] of names.entries()) {
      if (hasControl(name))
        violations.push({ pointer: `${pointer}/names/${at}`, message: 'the name has a control character' });
    }
    violations.push(...errnoViolations(`${pointer}/errnoRet`, action, errnoRet));
    for (const [at, arg] of args.entries()) {
      if (narrow !== undefined && isWide(arg)) {
        violations.push({
          pointer: `${pointer}/args/${at}`,
          message: `a value above 32 bits, of which ${narrow}, which is listed, compares only the low half`,
        });
      }
    }
  }
  return violations;
}

function hasControl(name: string): boolean {
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function isWide({ op, value, valueTwo = 0n }: SeccompArg): boolean {
  return value > word || (op === 'SCMP_CMP_MASKED_EQ' && valueTwo > word);
}

/** A rule of one syscall, as a runtime passes it to libseccomp, and its entry. */
interface PlacedRule {
  readonly conditions: readonly SeccompArg[];
  readonly outcome: Outcome;
  readonly entry: number;
}

type RulesBySyscall = ReadonlyMap<string, readonly PlacedRule[]>;

function ruleViolations(profile: SeccompProfile): readonly Violation[] {
  const placed = placedRules(profile);
  if (typeof placed === 'number')
    return [
      {
        pointer: '/syscalls',
        message: `${placed} rules, one for each name and alternative, are more than ${most.rules}`,
      },
    ];
  return [...placed].flatMap(([name, rules]) => tooManyOf(name, rules) ?? conflictOf(name, rules) ?? []);
}

/**
 * Returns the syscalls that have different results in a shape that other runtimes refuse; none of a
 * profile with too many rules.
 */
export function conflictingSyscalls(profile: SeccompProfile): ReadonlySet<string> {
  const placed = placedRules(profile);
  if (typeof placed === 'number') return new Set();
  return new Set([...placed].flatMap(([name, rules]) => (conflictOf(name, rules) === undefined ? [] : [name])));
}

/**
 * Returns the rules of each syscall that differ from the default; or how many there are, if they
 * are too many to examine.
 */
function placedRules({ defaultAction, defaultErrnoRet, syscalls = [] }: SeccompProfile): RulesBySyscall | number {
  const byDefault = outcomeOf(defaultAction, defaultErrnoRet);
  const entries = syscalls.flatMap(({ names, action, errnoRet, args = [] }, entry) => {
    const outcome = outcomeOf(action, errnoRet);
    return sameOutcome(outcome, byDefault) ? [] : [{ names, outcome, entry, rules: loadedRules(args) }];
  });
  const total = entries.reduce((sum, { names, rules }) => sum + names.length * rules.length, 0);
  if (total > most.rules) return total;
  const bySyscall = new Map<string, PlacedRule[]>();
  for (const { names, outcome, entry, rules } of entries) {
    for (const name of names) {
      const known = bySyscall.get(name) ?? [];
      bySyscall.set(name, known);
      for (const conditions of rules) known.push({ conditions, outcome, entry });
    }
  }
  return bySyscall;
}

function tooManyOf(name: string, rules: readonly PlacedRule[]): Violation | undefined {
  const last = rules.at(-1);
  if (last === undefined || rules.length <= most.rulesPerSyscall) return undefined;
  const message = `${rules.length} rules for ${name}, one for each alternative, are more than ${most.rulesPerSyscall}`;
  return { pointer: `/syscalls/${last.entry}`, message };
}

function conflictOf(name: string, rules: readonly PlacedRule[]): Violation | undefined {
  const [first] = rules;
  if (first === undefined) return undefined;
  const other = rules.find(({ outcome }) => !sameOutcome(outcome, first.outcome));
  if (other === undefined || haveOneReading(rules)) return undefined;
  const message = `conflicts with /syscalls/${first.entry}, which has another result for ${name}: entries with different results must compare one argument, by SCMP_CMP_EQ with values that differ in their low 32 bits, or be two that complement each other`;
  return { pointer: `/syscalls/${other.entry}`, message };
}

/**
 * Reports whether rules with different results are of the shapes of which every reader knows that
 * they exclude each other.
 */
function haveOneReading(rules: readonly PlacedRule[]): boolean {
  const singles: SeccompArg[] = [];
  const seen = new Map<string, Outcome>();
  for (const { conditions, outcome } of rules) {
    const [condition, second] = conditions;
    if (condition === undefined || second !== undefined) return false;
    const { index, op, value, valueTwo = 0n } = condition;
    const key = `${index} ${op} ${value} ${op === 'SCMP_CMP_MASKED_EQ' ? valueTwo : ''}`;
    const known = seen.get(key);
    // The same once more has no effect.
    if (known !== undefined && sameOutcome(known, outcome)) continue;
    seen.set(key, outcome);
    singles.push(condition);
  }
  return areDistinctValues(singles) || areComplements(singles);
}

function areDistinctValues(conditions: readonly SeccompArg[]): boolean {
  const lows = new Set(conditions.map(({ value }) => value & word));
  return (
    lows.size === conditions.length &&
    conditions.every(({ index, op }) => op === 'SCMP_CMP_EQ' && index === conditions[0]?.index)
  );
}

const complements: Readonly<Partial<Record<SeccompArg['op'], SeccompArg['op']>>> = {
  SCMP_CMP_EQ: 'SCMP_CMP_NE',
  SCMP_CMP_NE: 'SCMP_CMP_EQ',
  SCMP_CMP_LT: 'SCMP_CMP_GE',
  SCMP_CMP_GE: 'SCMP_CMP_LT',
  SCMP_CMP_LE: 'SCMP_CMP_GT',
  SCMP_CMP_GT: 'SCMP_CMP_LE',
};

function areComplements([a, b, ...others]: readonly SeccompArg[]): boolean {
  if (a === undefined || b === undefined || others.length > 0) return false;
  return a.index === b.index && a.value === b.value && complements[a.op] === b.op;
}
