import { sameOutcome, strictness } from '../algebra/outcome.ts';
import type { SeccompArg, SeccompRule } from '../model.ts';
import type { SyscallIds } from '../tables/syscall-ids.ts';
import type { EncodedGroup } from './encoded-group.ts';
import type { EncodedRule } from './encoding.ts';

/** A rule, and the syscalls of each group that has it. */
interface Entry {
  readonly rule: EncodedRule;
  readonly lists: (readonly number[])[];
  /** Another one with the same hash. */
  readonly next: Entry | undefined;
}

/**
 * Returns the entries with the rules of all groups: syscalls with the same rule share an entry.
 * Entries without conditions come first, the laxest ahead; the others are in the order of their
 * first syscall, then in that of its rules.
 */
export function entriesOf(groups: readonly EncodedGroup[], ids: SyscallIds): readonly SeccompRule[] {
  const entries = new Entries();
  for (const { syscalls, encoding } of inOrder(groups, ids)) {
    for (const rule of encoding.rules) entries.add(rule, syscalls);
  }
  const { plain, conditional } = entries;
  plain.sort((a, b) => strictness(a.rule.outcome) - strictness(b.rule.outcome));
  return [...plain, ...conditional].map(({ lists, rule }) => written(namesOf(lists, ids), rule));
}

class Entries {
  readonly plain: Entry[] = [];
  readonly conditional: Entry[] = [];
  readonly #byHash = new Map<number, Entry>();

  add(rule: EncodedRule, syscalls: readonly number[]): void {
    const hash = hashOf(rule);
    const first = this.#byHash.get(hash);
    let found = first;
    while (found !== undefined && !sameRule(found.rule, rule)) found = found.next;
    if (found === undefined) {
      const entry = { rule, lists: [syscalls], next: first };
      (rule.args.length === 0 ? this.plain : this.conditional).push(entry);
      this.#byHash.set(hash, entry);
    } else if (found.lists.at(-1) !== syscalls) found.lists.push(syscalls);
  }
}

/** Returns the same number for the same rules, and nearly always another one for others. */
function hashOf({ args, outcome }: EncodedRule): number {
  let hash = strictness(outcome) + 8 * (outcome.errno ?? 0);
  for (const { index, value, valueTwo } of args) {
    hash = (hash * 31 + index) * 31 + Number(value);
    if (valueTwo !== undefined) hash = hash * 31 + Number(valueTwo);
  }
  return hash;
}

function sameRule(a: EncodedRule, b: EncodedRule): boolean {
  return (
    sameOutcome(a.outcome, b.outcome) &&
    a.args.length === b.args.length &&
    a.args.every((arg, at) => {
      const { index, op, value, valueTwo } = b.args[at] as SeccompArg;
      return arg.index === index && arg.op === op && arg.value === value && arg.valueTwo === valueTwo;
    })
  );
}

/** Returns groups with sorted syscalls, sorted by the first one. */
function inOrder(groups: readonly EncodedGroup[], ids: SyscallIds): readonly EncodedGroup[] {
  const byFirst = new Array<EncodedGroup | undefined>(ids.size);
  const firsts: number[] = [];
  for (const group of groups) {
    const syscalls = ids.sorted(group.syscalls);
    const first = syscalls[0];
    if (first === undefined) continue;
    byFirst[first] = syscalls === group.syscalls ? group : { syscalls, encoding: group.encoding };
    firsts.push(first);
  }
  return ids.sorted(firsts).map((first) => byFirst[first] as EncodedGroup);
}

function namesOf(lists: readonly (readonly number[])[], ids: SyscallIds): readonly string[] {
  const [first = []] = lists;
  const syscalls = lists.length === 1 ? first : lists.flat().sort(ids.compare);
  return syscalls.map(ids.nameOf);
}

function written(names: readonly string[], { args, outcome: { action, errno } }: EncodedRule): SeccompRule {
  if (args.length === 0) return errno === undefined ? { names, action } : { names, action, errnoRet: errno };
  return errno === undefined ? { names, action, args } : { names, action, errnoRet: errno, args };
}
