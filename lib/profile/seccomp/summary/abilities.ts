import type { Outcome } from '../algebra/outcome.ts';
import { effectiveSeccomp } from '../effective-profile.ts';
import type { SeccompProfile } from '../model.ts';
import { abilities, type Denial, denials } from './ability-list.ts';
import { outcomesOf, outcomeText } from './outcome-text.ts';
import { isRefused } from './passing.ts';
import { type Calls, Reach } from './reach.ts';

/** At most this many sentences of each kind. */
const most = 5;

/** A sentence about a profile: "It can …" or "It cannot …". */
export interface Statement {
  /** What follows "It can" or "It cannot", with a capital. */
  readonly text: string;
  /**
   * How it is done nevertheless: `except in 32-bit programs, by socketcall`; absent if every call
   * that does it is denied on every architecture.
   */
  readonly exception?: string;
  /** The system calls that it is about, the best known first. */
  readonly calls: readonly string[];
  /**
   * What happens to these: `fails with EPERM`; absent if they are allowed, or treated differently.
   */
  readonly outcome?: string;
}

/** What programs can do under a profile, and what not. */
export interface Abilities {
  readonly can: readonly Statement[];
  readonly cannot: readonly Statement[];
}

/**
 * Returns what programs can and cannot do under a profile on nodes with a baseline, in everyday
 * words: at most five sentences of each. What the profile denies and the baseline allows comes
 * first.
 *
 * @param native the machine's own architecture, as SCMP_ARCH_*.
 */
export function abilitiesUnder(profile: SeccompProfile, baseline: SeccompProfile, native: string): Abilities {
  const { profile: effective } = effectiveSeccomp({ baseline, artifact: profile }, native);
  const [reach, before] = [new Reach(effective, native), new Reach(baseline, native)];
  const can = abilities.flatMap(({ text, needs, without }): readonly Statement[] => {
    const found = needs.map((alternatives) => alternatives.filter((calls) => reach.allowsAll(calls)));
    if (found.some((passing) => passing.length === 0)) return [];
    const isWithout = without?.calls.every((calls) => reach.openWays(calls).length === 0);
    return [{ text: isWithout ? `${text}${without?.text}` : text, calls: namesOf(found) }];
  });
  const cannot = denials.flatMap((denial) => {
    const statement = denied(denial, reach);
    return statement === undefined ? [] : [{ statement, isOwn: denied(denial, before) === undefined }];
  });
  const ordered = [...cannot.filter(({ isOwn }) => isOwn), ...cannot.filter(({ isOwn }) => !isOwn)];
  return { can: withoutImplied(can).slice(0, most), cannot: ordered.slice(0, most).map(({ statement }) => statement) };
}

/** Returns the names of calls, the first of each part before the others. */
function namesOf(parts: readonly (readonly Calls[])[]): readonly string[] {
  const firsts = parts.flatMap(([calls]) => calls?.name ?? []);
  return [...new Set([...firsts, ...parts.flat().map(({ name }) => name)])];
}

/** Returns the statements without those whose calls are all among those of one before. */
function withoutImplied(statements: readonly Statement[]): readonly Statement[] {
  return statements.filter(
    ({ calls }, at) => !statements.slice(0, at).some((before) => calls.every((name) => before.calls.includes(name))),
  );
}

function denied({ text, calls, detours = [] }: Denial, reach: Reach): Statement | undefined {
  const open = calls.flatMap((each) => reach.openWays(each).map((way) => ({ ...way, name: each.name })));
  const exceptions = detours.filter((detour) => detour.calls.some((each) => reach.openWays(each).length > 0));
  const through = [...new Set(open.map((way) => way.through))];
  // One exception can be named. With several, "it cannot" would be wrong.
  if (open.length > 0 && (through.length !== 1 || through[0] === undefined || exceptions.length > 0)) return undefined;
  if (exceptions.length > 1) return undefined;
  const [detour] = exceptions;
  const exception = open.length > 0 ? `except in 32-bit programs, by ${through[0]}` : detour && `except ${detour.text}`;
  const known = calls.filter(({ name }) => reach.nativeDecision(name) !== undefined);
  const outcome = sharedOutcome(known, reach);
  return {
    text,
    ...(exception !== undefined && { exception }),
    calls: [...new Set(known.map(({ name }) => name))],
    ...(outcome !== undefined && { outcome }),
  };
}

/** Returns what happens to refused calls, if the same happens to all of them. */
function sharedOutcome(calls: readonly Calls[], reach: Reach): string | undefined {
  const texts = new Set(
    calls
      .flatMap(({ name }): readonly Outcome[] => {
        const decision = reach.nativeDecision(name);
        return decision === undefined ? [] : outcomesOf(decision).filter(isRefused);
      })
      .map(outcomeText),
  );
  return texts.size === 1 ? [...texts][0] : undefined;
}
