import type { Change, Direction, ProfileDiff } from '../change.ts';
import type { Box } from './algebra/box.ts';
import { everything, lowHalves } from './algebra/box.ts';
import type { Budget } from './algebra/budget.ts';
import type { Difference } from './algebra/compare.ts';
import { differences, directionOf, writtenAlike } from './algebra/compare.ts';
import type { Decision } from './algebra/decision.ts';
import { alternatives, describeDecision } from './algebra/describe.ts';
import type { Meaning } from './algebra/meaning.ts';
import { decisionOf, meaningOf, wideMeaningOf } from './algebra/meaning.ts';
import { describeOutcome } from './algebra/outcome.ts';
import { flagsInEffect, specAllow } from './flags.ts';
import { architecturesOf, doubtfulChanges, loadedPair, multiplexedChanges, textsOf } from './libseccomp/diff-loaded.ts';
import { lowHalf } from './libseccomp/load-cost.ts';
import type { SeccompProfile, SeccompRule } from './model.ts';
import { companions, machinesWithGuest } from './tables/architecture.ts';
import { architectures as knownArchitectures } from './tables/vocabulary.ts';

/** Steps of one comparison: a third of a second or so. Profiles in use take a hundredth of it. */
const steps = 1_000_000;

/**
 * Compares two profiles by what they mean (see meaningOf): for every syscall, arguments,
 * architecture and flag. As a gate it takes the laxer reading: what cannot be decided is treated
 * as loosened, because there are too many conditions, or because libseccomp may load a syscall's
 * entries, which are not those of before, otherwise than they are written. An architecture counts
 * if some machine runs its programs beside its own, whichever machine that is: profiles are
 * published for nodes of several kinds.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 */
export function diffSeccomp(from: SeccompProfile, to: SeccompProfile, nativeArchitecture: string): ProfileDiff {
  const written = writtenChanges(from, to, nativeArchitecture);
  const known = new Set(written.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject));
  const pair = loadedPair(from, to, nativeArchitecture);
  const loaded = [
    ...doubtfulChanges(pair).filter(({ subject }) => !known.has(subject)),
    ...multiplexedChanges(pair, { left: steps }).filter(({ subject }) => !isToldOf(subject, known)),
  ];
  const changes = inOrder(written, loaded);
  const changed = new Set(changes.map(({ subject }) => subject));
  const [before, after] = [textsOf(from), textsOf(to)];
  const named = [...new Set([...before.keys(), ...after.keys()])].sort();
  const rewritten = named.filter((name) => !changed.has(name) && before.get(name) !== after.get(name));
  const isListedAnew =
    architecturesOf(from, nativeArchitecture).join() !== architecturesOf(to, nativeArchitecture).join();
  const others = changed.has('architectures') || !isListedAnew ? [] : ['architectures'];
  return { changes, rewritten: [...others, ...rewritten] };
}

/**
 * Reports whether one of the two names of a call through a multiplexer is known to be loosened, as
 * in `socketcall(socket)`.
 */
function isToldOf(subject: string, known: ReadonlySet<string>): boolean {
  return subject.split(/[()]/).some((name) => known.has(name));
}

/**
 * Reports whether two profiles mean the same for every call as they are written, errno included.
 */
export function equalsSeccomp(a: SeccompProfile, b: SeccompProfile, nativeArchitecture: string): boolean {
  return writtenChanges(a, b, nativeArchitecture).length === 0;
}

/** Returns how two profiles differ as they are written. */
function writtenChanges(from: SeccompProfile, to: SeccompProfile, nativeArchitecture: string): readonly Change[] {
  const views = viewsOf(from, to, nativeArchitecture);
  const [main] = views;
  const names = new Set(views.flatMap((view) => [...view.from.decisions.keys(), ...view.to.decisions.keys()]));
  const budget: Budget = { left: steps };
  return [
    ...defaultChanges(main, budget),
    ...architectureChanges(from, to, nativeArchitecture),
    ...flagChanges(from, to),
    ...listenerChanges(from, to),
    ...[...names].sort().flatMap((name) => syscallChanges(name, views, budget)),
  ];
}

/** Returns changes of the profile as a whole first, then syscalls by name. */
function inOrder(written: readonly Change[], loaded: readonly Change[]): readonly Change[] {
  if (loaded.length === 0) return written;
  const isWhole = ({ subject }: Change) => ['defaultAction', 'architectures', 'flags', 'listener'].includes(subject);
  const syscalls = [...written.filter((change) => !isWhole(change)), ...loaded];
  return [
    ...written.filter(isWhole),
    ...syscalls.sort((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0)),
  ];
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
  return [main, { from: meaningOf(cutTo32Bits(from)), to: meaningOf(cutTo32Bits(to)), domain: lowHalves }];
}

/** Returns a profile as 32-bit architectures read it. */
export function cutTo32Bits(profile: SeccompProfile): SeccompProfile {
  const cutRule = (rule: SeccompRule): SeccompRule => (rule.args ? { ...rule, args: rule.args.map(lowHalf) } : rule);
  return { ...profile, syscalls: (profile.syscalls ?? []).map(cutRule) };
}

function defaultChanges({ from, to }: View, budget: Budget): readonly Change[] {
  return changesOf('defaultAction', differences(from.otherwise, to.otherwise, everything, budget) ?? []);
}

function syscallChanges(name: string, views: readonly View[], budget: Budget): readonly Change[] {
  const changes: Change[] = [];
  for (const { from, to, domain } of views) {
    const [before, after] = [decisionOf(from, name), decisionOf(to, name)];
    // What both leave to their defaults is reported once, as defaultAction.
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

/**
 * Returns the changes of one subject; differences from one outcome to one other are reported
 * together.
 */
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

/**
 * Returns the changes of architectures: calls of one that is not listed are killed, if the machine
 * runs its programs at all.
 */
function architectureChanges(from: SeccompProfile, to: SeccompProfile, native: string): readonly Change[] {
  const [before, after] = [architecturesOf(from, native), architecturesOf(to, native)];
  const change = (name: string, direction: 'loosened' | 'tightened'): Change => {
    const [a, b] = direction === 'loosened' ? ['calls are killed', name] : [name, 'calls are killed'];
    const where = companions(native).includes(name) ? {} : { where: `the machine is ${machinesOf(name)}` };
    return { subject: 'architectures', direction, from: a, to: b, ...where };
  };
  const removed = before.filter((name) => !after.includes(name));
  const kills = removed.length > 0 && killsProcesses(from);
  return [
    ...after.filter((name) => !before.includes(name)).map((name) => change(name, 'loosened')),
    ...removed.map((name) => change(name, 'tightened')),
    ...(kills ? [{ ...threadsOnly, where: `the program is of ${removed.join(' or ')}` }] : []),
  ];
}

/** Returns the machines on which it matters that an architecture is listed, to be shown. */
function machinesOf(architecture: string): string {
  const machines = machinesWithGuest(architecture) ?? [];
  // Of its own architecture a runtime filters every call; one that was built for another does not.
  return machines.length === 0 ? 'of another architecture than its runtime' : machines.join(' or ');
}

/** Calls of an architecture that is not listed end the thread that makes them, not the process. */
const threadsOnly: Change = {
  subject: 'architectures',
  direction: 'loosened',
  from: 'SCMP_ACT_KILL_PROCESS',
  to: 'SCMP_ACT_KILL_THREAD',
};

function killsProcesses({ defaultAction, syscalls = [] }: SeccompProfile): boolean {
  return [defaultAction, ...syscalls.map(({ action }) => action)].includes('SCMP_ACT_KILL_PROCESS');
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
    // Another listener may permit what the one before did not.
    direction: to[name] === undefined ? 'changed' : 'loosened',
    from: `${name} ${from[name] ?? 'not set'}`,
    to: `${name} ${to[name] ?? 'not set'}`,
  }));
}
