import type { Box } from '../algebra/box.ts';
import { intersectBoxes } from '../algebra/box.ts';
import { fullBudget, orTooMuch } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import { always } from '../algebra/decision.ts';
import type { Meaning } from '../algebra/meaning.ts';
import { decisionOf, laxestMeaningOf, wideMeaningOf } from '../algebra/meaning.ts';
import { laxer } from '../algebra/outcome.ts';
import { cutTo32Bits } from '../diff.ts';
import { architecturesOf } from '../libseccomp/diff-loaded.ts';
import { type MultiplexedReading, multiplexedReadings } from '../libseccomp/multiplexer.ts';
import type { SeccompProfile } from '../model.ts';
import { companions } from '../tables/architecture.ts';
import { isMultiplexing } from '../tables/multiplexed-names.ts';
import { isKnownSyscall } from '../tables/syscall-names.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';
import { outcomesOf } from './outcome-text.ts';
import { isPassing, isRefused, passingOf, refusesAll } from './passing.ts';

/** One way in which programs make a system call. */
export interface Way {
  /** SCMP_ARCH_* of the program. */
  readonly architecture: string;
  /** socketcall or ipc, if it is called through one of these: no filter sees its arguments then. */
  readonly through?: string;
  readonly decision: Decision;
}

/** Which calls of a system call: all, or those in one of the boxes. */
export interface Calls {
  readonly name: string;
  readonly when?: readonly Box[];
}

/**
 * How programs of every architecture that a profile holds for reach system calls on a machine,
 * directly and through socketcall and ipc. It reads a profile as nodes apply it.
 */
export class Reach {
  readonly #native: string;
  readonly #architectures: readonly string[];
  readonly #wide: Meaning;
  readonly #narrow: Meaning;
  readonly #readings: ReadonlyMap<32 | 64, readonly MultiplexedReading[]>;

  /** @param native the machine's own architecture, as SCMP_ARCH_*. */
  constructor(profile: SeccompProfile, native: string) {
    const runnable = [native, ...companions(native)];
    this.#native = native;
    this.#architectures = architecturesOf(profile, native).filter((name) => runnable.includes(name));
    this.#wide = wideMeaningOf(profile);
    this.#narrow = laxestMeaningOf(cutTo32Bits(profile));
    this.#readings = new Map(([32, 64] as const).map((bits) => [bits, multiplexedReadings(profile, bits)]));
  }

  /** Returns what a native program gets that makes the system call directly. */
  nativeDecision(syscall: string): Decision | undefined {
    return this.waysTo(syscall).find(({ architecture, through }) => {
      return architecture === this.#native && through === undefined;
    })?.decision;
  }

  /** Returns all ways to make a system call. */
  waysTo(syscall: string): readonly Way[] {
    return this.#architectures.flatMap((architecture) => {
      if (!isKnownSyscall(syscall, [architecture])) return this.#through(syscall, architecture);
      const direct = { architecture, decision: decisionOf(this.#meaningOn(architecture), syscall) };
      return [direct, ...this.#through(syscall, architecture)];
    });
  }

  /** Returns the ways in which some of the calls pass, or may pass. */
  openWays({ name, when }: Calls): readonly Way[] {
    return this.waysTo(name).filter(({ decision, through }) => {
      if (refusesAll(decision)) return false;
      return when === undefined || through !== undefined || mayPass(decision, when);
    });
  }

  /** Reports whether native programs can make all of the calls directly. */
  allowsAll({ name, when }: Calls): boolean {
    const decision = this.nativeDecision(name);
    const found = decision && passingOf(decision);
    if (found === undefined) return false;
    return found.others.length === 0 || (when !== undefined && !haveCommon(found.others, when));
  }

  #meaningOn(architecture: string): Meaning {
    return bitsOf(architecture) === 64 ? this.#wide : this.#narrow;
  }

  #through(syscall: string, architecture: string): readonly Way[] {
    if (!isMultiplexing(architecture)) return [];
    return (this.#readings.get(bitsOf(architecture)) ?? []).flatMap(({ multiplexer, decisions, doubt }) => {
      const decision = decisions.get(syscall);
      if (decision === undefined) return [];
      const [first, ...others] = doubt?.outcomes ?? [];
      const laxest = first === undefined ? decision : always(others.reduce(laxer, first));
      return [{ architecture, through: multiplexer, decision: laxest }];
    });
  }
}

function bitsOf(architecture: string): 32 | 64 {
  return knownArchitectures.get(architecture)?.bits ?? 64;
}

/** Reports whether some of the calls may pass: that is so if it cannot be decided, too. */
function mayPass(decision: Decision, when: readonly Box[]): boolean {
  const found = passingOf(decision);
  // A listener or a tracer may let any call pass.
  return found === undefined || !passesOrRefuses(decision) || haveCommon(found.passing, when);
}

function passesOrRefuses(decision: Decision): boolean {
  return outcomesOf(decision).every((outcome) => isPassing(outcome) || isRefused(outcome));
}

function haveCommon(boxes: readonly Box[], when: readonly Box[]): boolean {
  const budget = fullBudget();
  const common = orTooMuch(() =>
    boxes.some((box) => when.some((other) => intersectBoxes(box, other, budget).length > 0)),
  );
  return common ?? true;
}
