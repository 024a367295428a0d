import type { Change } from '../../change.ts';
import type { Box } from '../algebra/box.ts';
import { domainOf } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { differences, directionOf } from '../algebra/compare.ts';
import type { Decision } from '../algebra/decision.ts';
import { always } from '../algebra/decision.ts';
import { describeDecision } from '../algebra/describe.ts';
import { decisionOf, meaningOf } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { laxer, outcomeOf, sameOutcome, stricter, strictness } from '../algebra/outcome.ts';
import type { SeccompProfile } from '../model.ts';
import { loadDoubts } from './load-doubt.ts';
import type { LoadDoubt } from './loaded-rule.ts';
import type { MultiplexedReading } from './multiplexer.ts';
import { multiplexedReadings, multiplexedWidths } from './multiplexer.ts';

/** Two profiles to compare as libseccomp loads them. */
export interface LoadedPair {
  readonly from: SeccompProfile;
  readonly to: SeccompProfile;
  /** What runtimes add if architectures are not listed, as SCMP_ARCH_*. */
  readonly native: string;
  /** Whether a syscall's entries, or those beside them, are not those of before. */
  readonly isRewritten: (syscall: string) => boolean;
  /** Whether that is so for any syscall. */
  readonly isAnyRewritten: boolean;
}

/** Pairs two profiles for comparison. */
export function loadedPair(from: SeccompProfile, to: SeccompProfile, native: string): LoadedPair {
  const [before, after] = [textsOf(from), textsOf(to)];
  const defaultOf = (profile: SeccompProfile) => outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const all =
    !sameOutcome(defaultOf(from), defaultOf(to)) ||
    architecturesOf(from, native).join() !== architecturesOf(to, native).join();
  const isRewritten = (syscall: string) => all || before.get(syscall) !== after.get(syscall);
  return { from, to, native, isRewritten, isAnyRewritten: [...before.keys(), ...after.keys()].some(isRewritten) };
}

/**
 * Returns the syscalls that may have become laxer because it is not sure how libseccomp loads their
 * entries: the strictest reading of what was, and the laxest of what is.
 */
export function doubtfulChanges(pair: LoadedPair): readonly Change[] {
  const { from, to, native } = pair;
  const before = loadDoubts(from, addedTo(from, native));
  const after = loadDoubts(to, addedTo(to, native));
  if (before.size === 0 && after.size === 0) return [];
  const [ours, theirs] = [meaningOf(from), meaningOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((subject) => {
    const doubts = { from: before.get(subject), to: after.get(subject) };
    if (isLoadedAlike(pair, [subject], doubts.from, doubts.to)) return [];
    const decisions = { from: decisionOf(ours, subject), to: decisionOf(theirs, subject) };
    return mayLoosen(outcomesOf(decisions.from, doubts.from), outcomesOf(decisions.to, doubts.to))
      ? [loosened(subject, decisions.from, decisions.to, reasonOf(doubts.from, doubts.to))]
      : [];
  });
}

/**
 * Returns the calls through socketcall and ipc that became laxer, or may have, on architectures
 * that both profiles list.
 */
export function multiplexedChanges(pair: LoadedPair, budget: Budget): readonly Change[] {
  const { from, to, native } = pair;
  const widths = multiplexedWidths(architecturesOf(to, native));
  const common = [...multiplexedWidths(architecturesOf(from, native))].filter((bits) => widths.has(bits));
  return common.flatMap((bits) => {
    const after = multiplexedReadings(to, bits);
    return multiplexedReadings(from, bits).flatMap((reading, index) => {
      const other = after[index];
      if (other === undefined) return [];
      const { doubt } = reading.doubt === undefined ? other : reading;
      return doubt === undefined
        ? memberChanges(pair, reading, other, domainOf(bits), budget)
        : inDoubt(pair, reading, other);
    });
  });
}

/**
 * Returns the change of all calls through a multiplexer of which it is not sure how they are
 * loaded.
 */
function inDoubt(pair: LoadedPair, from: MultiplexedReading, to: MultiplexedReading): readonly Change[] {
  const { multiplexer: subject } = to;
  if (isLoadedAlike(pair, [subject, ...to.decisions.keys()], from.doubt, to.doubt)) return [];
  const outcomes = (reading: MultiplexedReading) =>
    reading.doubt?.outcomes ?? [...reading.decisions.values()].flatMap((decision) => outcomesOf(decision, undefined));
  const [before, after] = [outcomes(from), outcomes(to)];
  if (!mayLoosen(before, after)) return [];
  const [strictest, laxest] = [before.reduce(stricter), after.reduce(laxer)];
  return [loosened(subject, always(strictest), always(laxest), reasonOf(from.doubt, to.doubt))];
}

function memberChanges(
  { isRewritten }: LoadedPair,
  from: MultiplexedReading,
  to: MultiplexedReading,
  domain: Box,
  budget: Budget,
): readonly Change[] {
  const { multiplexer } = to;
  return [...to.decisions].flatMap(([member, after]) => {
    const before = from.decisions.get(member);
    if (before === undefined || (!isRewritten(multiplexer) && !isRewritten(member))) return [];
    const subject = `${multiplexer}(${member})`;
    const found = differences(before, after, domain, budget);
    if (found === undefined) return [loosened(subject, before, after, 'too many conditions to compare')];
    if (!found.some((difference) => directionOf(difference) === 'loosened')) return [];
    return [loosened(subject, before, after, 'a 32-bit program calls it so')];
  });
}

/** Reports whether entries that are those of before are loaded as before, whatever that is. */
function isLoadedAlike(
  { isRewritten, isAnyRewritten }: LoadedPair,
  syscalls: readonly string[],
  from: LoadDoubt | undefined,
  to: LoadDoubt | undefined,
): boolean {
  if (from?.why !== to?.why || syscalls.some(isRewritten)) return false;
  return !(to?.dependsOnOthers && isAnyRewritten);
}

/** Reports whether some outcome that may be is laxer than one that may have been. */
function mayLoosen(from: readonly Outcome[], to: readonly Outcome[]): boolean {
  return Math.min(...to.map(strictness)) < Math.max(...from.map(strictness));
}

function outcomesOf({ regions, otherwise }: Decision, doubt: LoadDoubt | undefined): readonly Outcome[] {
  return doubt?.outcomes ?? [otherwise, ...regions.map(({ outcome }) => outcome)];
}

function reasonOf(from: LoadDoubt | undefined, to: LoadDoubt | undefined): string {
  return to?.why ?? `before, ${from?.why}`;
}

function loosened(subject: string, from: Decision, to: Decision, where: string): Change {
  return { subject, direction: 'loosened', from: describeDecision(from), to: describeDecision(to), where };
}

/** Returns the architectures that a profile holds for, each once, sorted. */
export function architecturesOf({ architectures = [] }: SeccompProfile, native: string): readonly string[] {
  return [...new Set([native, ...architectures])].sort();
}

/** Returns the architectures that a profile holds for, in the order in which runtimes add them. */
function addedTo({ architectures = [] }: SeccompProfile, native: string): readonly string[] {
  return [...new Set([native, ...architectures])];
}

/** Returns the entries of each syscall as they are written. */
export function textsOf(profile: SeccompProfile): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    const conditions = (args ?? []).map((arg) => `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo ?? ''}`);
    for (const name of names) {
      texts.set(name, `${texts.get(name) ?? ''}${action} ${errnoRet ?? ''} ${conditions.join(', ')}\n`);
    }
  }
  return texts;
}
