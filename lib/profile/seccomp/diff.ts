import { companions, machinesWithGuest } from './architecture.ts';
import type { ArgumentSet } from './argument-set.ts';
import type { Box } from './box.ts';
import { everything } from './box.ts';
import type { Budget } from './budget.ts';
import type { Difference, Direction } from './compare.ts';
import { differences, directionOf, writtenAlike } from './compare.ts';
import { alternatives, describeDecision } from './describe.ts';
import { flagsInEffect, specAllow } from './flags.ts';
import type { Decision, Meaning } from './meaning.ts';
import { decisionOf, meaningOf, wideMeaningOf } from './meaning.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';
import { describeOutcome } from './outcome.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

/** One respect in which a profile became laxer or stricter. */
export interface Change {
  /** A syscall's name, `defaultAction`, `architectures`, `flags` or `listener`. */
  readonly subject: string;
  /** `loosened` and `tightened` as strictness goes; `changed` is another errno, a listener or a flag that only tells. */
  readonly direction: Direction;
  /** What held, and what holds now, for people. */
  readonly from: string;
  readonly to: string;
  /** For which arguments or machines, for people; absent where for all. */
  readonly where?: string;
}

/** What is different between two profiles in meaning, not in writing. */
export interface ProfileDiff {
  /** The profile as a whole first, then syscalls by name. */
  readonly changes: readonly Change[];
  /** Syscalls, and `architectures`, that are written in another way and mean the same. */
  readonly rewritten: readonly string[];
}

const word = 0xffff_ffffn;

/** Steps of one comparison: a third of a second or so. Profiles in use take a hundredth of it. */
const steps = 1_000_000;

/**
 * Compares two profiles by what they mean (see meaningOf): for every syscall, arguments, architecture and flag.
 * Where arguments are too many to tell, the syscall counts as loosened. An architecture counts where some machine runs its
 * programs beside its own, whichever machine that is: profiles are published for nodes of several kinds.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 */
export function diffProfiles(from: SeccompProfile, to: SeccompProfile, nativeArchitecture: string): ProfileDiff {
  const views = viewsOf(from, to, nativeArchitecture);
  const [main] = views;
  const names = new Set(views.flatMap((view) => [...view.from.decisions.keys(), ...view.to.decisions.keys()]));
  const budget: Budget = { left: steps };
  const changes: Change[] = [
    ...defaultChanges(main, budget),
    ...architectureChanges(from, to, nativeArchitecture),
    ...flagChanges(from, to),
    ...listenerChanges(from, to),
  ];
  const changed = new Set<string>();
  for (const name of [...names].sort()) {
    const found = syscallChanges(name, views, budget);
    if (found.length > 0) changed.add(name);
    changes.push(...found);
  }
  const before = textsOf(from);
  const after = textsOf(to);
  const written = [...new Set([...before.keys(), ...after.keys()])].sort();
  const rewritten = written.filter((name) => !changed.has(name) && before.get(name) !== after.get(name));
  const isListedAnew =
    architecturesOf(from, nativeArchitecture).join() !== architecturesOf(to, nativeArchitecture).join();
  const others = changes.some(({ subject }) => subject === 'architectures') || !isListedAnew ? [] : ['architectures'];
  return { changes, rewritten: [...others, ...rewritten] };
}

/** Whether two profiles mean the same for every call, errno included. */
export function equalProfiles(a: SeccompProfile, b: SeccompProfile, nativeArchitecture: string): boolean {
  return diffProfiles(a, b, nativeArchitecture).changes.length === 0;
}

/** Two meanings to compare, and the calls that count; 32-bit architectures compare cut values. */
interface View {
  readonly from: Meaning;
  readonly to: Meaning;
  readonly domain: Box;
}

function viewsOf(from: SeccompProfile, to: SeccompProfile, native: string): readonly [View, ...View[]] {
  const main = { from: wideMeaningOf(from), to: wideMeaningOf(to), domain: everything };
  const listed = [native, ...(from.architectures ?? []), ...(to.architectures ?? [])];
  const wide = [main.from, main.to].some((meaning) =>
    [...meaning.decisions.values()].some((decision) => decision.wide),
  );
  if (!wide || listed.every((name) => knownArchitectures.get(name)?.bits === 64)) return [main];
  const low: ArgumentSet = { form: 'bits', mask: word << 32n, value: 0n };
  const domain = Array.from({ length: 6 }, (_, index) => ({ index, set: low }));
  return [main, { from: meaningOf(cut(from)), to: meaningOf(cut(to)), domain }];
}

/** A profile as 32-bit architectures read it. */
function cut(profile: SeccompProfile): SeccompProfile {
  const cutArg = (arg: SeccompArg): SeccompArg => ({
    ...arg,
    value: arg.value & word,
    ...(arg.valueTwo === undefined ? {} : { valueTwo: arg.valueTwo & word }),
  });
  const cutRule = (rule: SeccompRule): SeccompRule => (rule.args ? { ...rule, args: rule.args.map(cutArg) } : rule);
  return { ...profile, syscalls: (profile.syscalls ?? []).map(cutRule) };
}

function defaultChanges({ from, to }: View, budget: Budget): readonly Change[] {
  return changesOf('defaultAction', differences(from.otherwise, to.otherwise, everything, budget) ?? []);
}

function syscallChanges(name: string, views: readonly View[], budget: Budget): readonly Change[] {
  const changes: Change[] = [];
  for (const { from, to, domain } of views) {
    const [before, after] = [decisionOf(from, name), decisionOf(to, name)];
    // What both leave to their defaults is told of once, as defaultAction.
    if (before === from.otherwise && after === to.otherwise) continue;
    if (writtenAlike(before, after)) continue;
    const found = differences(before, after, domain, budget);
    const more = found === undefined ? [tooMany(name, before, after)] : changesOf(name, found);
    const isNew = ({ direction, from: a, to: b }: Change) =>
      !changes.some((change) => change.direction === direction && change.from === a && change.to === b);
    changes.push(...more.filter(isNew));
  }
  return changes;
}

function tooMany(name: string, before: Decision, after: Decision): Change {
  const where = 'too many conditions to compare';
  return { subject: name, direction: 'loosened', from: describeDecision(before), to: describeDecision(after), where };
}

/** Differences that go from one outcome to one other are told of together. */
function changesOf(subject: string, found: readonly Difference[]): readonly Change[] {
  const groups = new Map<string, { readonly difference: Difference; readonly boxes: Box[] }>();
  for (const difference of found) {
    const key = `${describeOutcome(difference.from)} ${describeOutcome(difference.to)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { difference, boxes: [difference.box] });
    else group.boxes.push(difference.box);
  }
  return [...groups.values()].map(({ difference, boxes }) => ({
    subject,
    direction: directionOf(difference),
    from: describeOutcome(difference.from),
    to: describeOutcome(difference.to),
    ...(difference.box.length === 0 ? {} : { where: alternatives(boxes) }),
  }));
}

/** Calls of an architecture that is not listed are killed, where the machine runs its programs at all. */
function architectureChanges(from: SeccompProfile, to: SeccompProfile, native: string): readonly Change[] {
  const [before, after] = [architecturesOf(from, native), architecturesOf(to, native)];
  const change = (name: string, direction: 'loosened' | 'tightened'): readonly Change[] => {
    const machines = machinesWithGuest(name);
    if (machines?.length === 0) return [];
    const [a, b] = direction === 'loosened' ? ['calls are killed', name] : [name, 'calls are killed'];
    const elsewhere = machines !== undefined && !companions(native).includes(name);
    const where = elsewhere ? { where: `the machine is ${machines.join(' or ')}` } : {};
    return [{ subject: 'architectures', direction, from: a, to: b, ...where }];
  };
  return [
    ...after.filter((name) => !before.includes(name)).flatMap((name) => change(name, 'loosened')),
    ...before.filter((name) => !after.includes(name)).flatMap((name) => change(name, 'tightened')),
  ];
}

function architecturesOf({ architectures = [] }: SeccompProfile, native: string): readonly string[] {
  return [...new Set([native, ...architectures])].sort();
}

function flagChanges(from: SeccompProfile, to: SeccompProfile): readonly Change[] {
  const changes: Change[] = [];
  const ours = flagsInEffect(from);
  const theirs = flagsInEffect(to);
  for (const name of [...new Set([...ours, ...theirs])].sort()) {
    if (ours.has(name) === theirs.has(name)) continue;
    const added = theirs.has(name);
    const weakens = name === specAllow;
    const direction: Direction = !weakens ? 'changed' : added ? 'loosened' : 'tightened';
    changes.push({ subject: 'flags', direction, from: added ? 'not set' : name, to: added ? name : 'not set' });
  }
  return changes;
}

function listenerChanges(from: SeccompProfile, to: SeccompProfile): readonly Change[] {
  const fields = (['listenerPath', 'listenerMetadata'] as const).filter((name) => from[name] !== to[name]);
  return fields.map((name) => ({
    subject: 'listener',
    direction: 'changed',
    from: `${name} ${from[name] ?? 'not set'}`,
    to: `${name} ${to[name] ?? 'not set'}`,
  }));
}

/** The entries of each syscall as they are written. */
function textsOf(profile: SeccompProfile): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    const conditions = (args ?? []).map((arg) => `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo ?? ''}`);
    for (const name of names) {
      texts.set(name, `${texts.get(name) ?? ''}${action} ${errnoRet ?? ''} ${conditions.join(', ')}\n`);
    }
  }
  return texts;
}
