import type { Change } from '../change.ts';
import { describeOutcome, outcomeOf } from './algebra/outcome.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';

/** An entry and its place for one of the names that it has. */
interface Entry {
  readonly rule: SeccompRule;
  readonly pointer: string;
}

/**
 * Returns JSON pointers into the new profile, to what decides about each change: the entry of the
 * syscall with the new outcome, preferably one that the old profile does not have; the default if
 * no entry has it; for changes of the whole, the member.
 */
export function seccompChangePointers(
  from: SeccompProfile,
  to: SeccompProfile,
  changes: readonly Change[],
): readonly string[] {
  const [before, after] = [entriesOf(from), entriesOf(to)];
  return changes.map((change) => wholePointer(change, to) ?? entryPointer(change, before, after));
}

function entriesOf({ syscalls = [] }: SeccompProfile): ReadonlyMap<string, readonly Entry[]> {
  const entries = new Map<string, Entry[]>();
  for (const [index, rule] of syscalls.entries()) {
    for (const [position, name] of rule.names.entries()) {
      const entry = { rule, pointer: `/syscalls/${index}/names/${position}` };
      const known = entries.get(name);
      if (known === undefined) entries.set(name, [entry]);
      else known.push(entry);
    }
  }
  return entries;
}

function wholePointer({ subject, to: now }: Change, { flags, listenerPath }: SeccompProfile): string | undefined {
  switch (subject) {
    case 'defaultAction':
      return '/defaultAction';
    case 'architectures':
      return '/architectures';
    case 'flags': {
      const index = flags?.indexOf(now) ?? -1;
      return index < 0 ? '/flags' : `/flags/${index}`;
    }
    case 'listener':
      return now.startsWith('listenerMetadata') && listenerPath !== undefined ? '/listenerMetadata' : '/listenerPath';
    default:
      return undefined;
  }
}

function entryPointer(
  { subject, to: now }: Change,
  before: ReadonlyMap<string, readonly Entry[]>,
  after: ReadonlyMap<string, readonly Entry[]>,
): string {
  // A call through another, as socketcall(bind), is decided by the entries of both.
  const [outer = '', inner = ''] = subject.split(/[()]/);
  for (const name of [inner, outer]) {
    const known = new Set((before.get(name) ?? []).map(({ rule }) => textOf(rule)));
    const deciding = (after.get(name) ?? []).filter(
      ({ rule }) => describeOutcome(outcomeOf(rule.action, rule.errnoRet)) === now,
    );
    const found = deciding.find(({ rule }) => !known.has(textOf(rule))) ?? deciding[0];
    if (found !== undefined) return found.pointer;
  }
  return '/defaultAction';
}

function textOf({ action, errnoRet, args = [] }: SeccompRule): string {
  const conditions = args.map(
    ({ index, op, value, valueTwo = 0n }: SeccompArg) => `${index} ${op} ${value} ${valueTwo}`,
  );
  return [action, errnoRet ?? '', ...conditions].join();
}
