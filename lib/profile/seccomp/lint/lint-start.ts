import type { Finding } from '../../finding.ts';
import { point } from '../algebra/argument-set.ts';
import type { Box } from '../algebra/box.ts';
import { everything, haveCommonCall } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { orTooMuch } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { decisionOf } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { enosys } from '../algebra/outcome.ts';
import { subtractBoxes } from '../algebra/regions.ts';
import type { NeedyRuntime, RuntimeNeed } from '../tables/runtime-needs.ts';
import { runtimeNeeds } from '../tables/runtime-needs.ts';
import { isKnownSyscall } from '../tables/syscall-names.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/** Steps for the conditions of one call. */
const steps = 20_000;

/**
 * Returns the finding `missing-runtime-syscalls` about a profile under which no container starts
 * with runc or with crun, or none that may gain privileges: it denies calls that the runtime makes
 * itself after it has loaded the filter.
 */
export function lintStart(architectures: readonly string[], meaning: Meaning): readonly Finding[] {
  const denied = deniedNeeds(architectures, meaning);
  const sentences = situations.flatMap(({ outcome, applies }) => {
    const runtimes = describeRuntimes(denied.filter(applies));
    return runtimes === '' ? [] : [`${outcome} ${runtimes}`];
  });
  if (sentences.length === 0) return [];
  const message = `this profile denies calls that runtimes make themselves once the filter is loaded: ${sentences.join('; ')}`;
  return [{ code: 'missing-runtime-syscalls', severity: 'warning', message, pointer: '/syscalls' }];
}

/**
 * Returns the calls of runtimes that a profile denies in such a way that a container does not
 * start. They are those of 64-bit machines: of a profile that lists only others, nothing is known.
 */
export function deniedNeeds(architectures: readonly string[], meaning: Meaning): readonly RuntimeNeed[] {
  const wide = architectures.filter((name) => knownArchitectures.get(name)?.bits === 64);
  if (architectures.length > 0 && wide.length === 0) return [];
  return runtimeNeeds.filter(
    (need) => need.names.some((name) => isKnownSyscall(name, wide)) && isDenied(need, meaning),
  );
}

/** Which containers do not start for which of the denied calls. */
const situations: readonly { readonly outcome: string; readonly applies: (need: RuntimeNeed) => boolean }[] = [
  {
    outcome: 'no container starts',
    applies: ({ whileGaining, sometimes }) => !whileGaining && !sometimes,
  },
  {
    outcome: 'no container that may gain privileges (allowPrivilegeEscalation) starts',
    applies: ({ whileGaining, forOthersThanRoot }) => whileGaining === true && !forOthersThanRoot,
  },
  {
    outcome: 'no container that may gain privileges and has another user than root starts',
    applies: ({ forOthersThanRoot }) => forOthersThanRoot === true,
  },
  { outcome: 'some containers do not start', applies: ({ sometimes }) => sometimes === true },
];

/**
 * Returns a text such as `under runc, which needs close, execve, or under crun, which needs
 * execve`; empty for no calls.
 */
function describeRuntimes(denied: readonly RuntimeNeed[]): string {
  const runtimes = new Map<NeedyRuntime, string[]>();
  for (const { runtime, names } of denied) {
    const calls = runtimes.get(runtime) ?? [];
    runtimes.set(runtime, calls);
    if (names.length === 1) calls.push(names.join());
    // Who permits one that is needed by itself meets this need too.
    else if (!names.some((name) => denied.some((other) => other.runtime === runtime && other.names.join() === name)))
      calls.push(`one of (${names.join(', ')})`);
  }
  return [...runtimes].map(([runtime, calls]) => `under ${runtime}, which needs ${calls.join(', ')}`).join(', or ');
}

function isDenied(need: RuntimeNeed, meaning: Meaning): boolean {
  const { names, argument } = need;
  const ends = (outcome: Outcome) => !survives(need, outcome);
  return names.every((name) => {
    const decision = decisionOf(meaning, name);
    if (argument === undefined) return isEverywhere(decision, everything, ends);
    const { index, values } = argument;
    return values.some((value) => isEverywhere(decision, [{ index, set: point(value) }], ends));
  });
}

/** Reports whether the runtime continues after a call with this outcome. */
function survives({ survives: numbers }: RuntimeNeed, { action, errno = 0 }: Outcome): boolean {
  switch (action) {
    case 'SCMP_ACT_ALLOW':
    case 'SCMP_ACT_LOG':
    // Up to its listener.
    case 'SCMP_ACT_NOTIFY':
      return true;
    case 'SCMP_ACT_ERRNO':
      return numbers === 'every' || numbers.includes(errno);
    case 'SCMP_ACT_TRACE':
      // Without a tracer, which containers have not, the kernel answers ENOSYS.
      return numbers === 'every' || numbers.includes(enosys.errno ?? 0);
    default:
      return false;
  }
}

/**
 * Reports whether every call of a box has an outcome of a kind; false if that is too much to find
 * out.
 */
function isEverywhere({ regions, otherwise }: Decision, box: Box, is: (outcome: Outcome) => boolean): boolean {
  const budget: Budget = { left: steps };
  const others = regions.filter(({ outcome }) => !is(outcome));
  // The stricter of two regions decides, and what a runtime does not survive is the stricter one.
  const taken = regions.filter(({ outcome }) => is(outcome)).map((region) => region.box);
  return (
    orTooMuch(() => {
      const rest = subtractBoxes([box], taken, budget);
      if (rest.length === 0) return true;
      return is(otherwise) && !rest.some((part) => others.some((other) => haveCommonCall(part, other.box)));
    }) ?? false
  );
}
