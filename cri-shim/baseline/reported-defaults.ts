import { diffSeccomp } from '#lib/profile/seccomp/diff';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';

/**
 * How a reported profile compares with the one that was expected: syscalls by name, and
 * `architectures`, `defaultAction`, …
 */
export interface Deviation {
  readonly loosened: readonly string[];
  readonly tightened: readonly string[];
}

interface Report {
  /** The intersection of all that was reported for the set. */
  readonly profile: SeccompProfile;
  /** The different profiles that were reported. More than one makes the set disputed. */
  readonly texts: ReadonlySet<string>;
  /** When it was reported last, in milliseconds. */
  readonly at: number;
}

/** Capability sets of which a report is kept, for the containers of one handler. */
const mostSets = 64;
/** How many different reports for one set are distinguished. */
const mostTexts = 8;

/**
 * What a runtime reported of containers under the default profile of one handler, in one version
 * and configuration. A report stands for its own capability set. For other sets it only tightens,
 * in what it is stricter than was expected of its own set: what depends on capabilities differs
 * between sets for that reason alone.
 */
export class ReportedDefaults {
  readonly #native: string;
  static #revisions = 0;
  readonly #reports = new Map<string, Report>();
  /** In what any report was stricter than expected: what holds for other sets too. */
  #stricter: SeccompProfile | undefined;
  #revision = 0;

  /** @param native the node's own architecture, as SCMP_ARCH_*. */
  constructor(native: string) {
    this.#native = native;
  }

  /**
   * 0 before the first report; after each one that changed something a number that no other
   * defaults have.
   */
  get revision(): number {
    return this.#revision;
  }

  /** Returns when a set was reported last; undefined if it was not. */
  reportedAt(capabilities: readonly string[]): number | undefined {
    return this.#reports.get(keyOf(capabilities))?.at;
  }

  /**
   * Adds a report for a capability set. A second one for the same set that differs makes the set
   * disputed: then something decides for each container, and no report is the default profile.
   *
   * @param expected what was expected for the set.
   * @param isGuess whether `expected` is of another runtime, version or configuration, perhaps;
   *   then a report that is anywhere stricter holds whole for other sets, too.
   * @returns how it deviates from what was expected; undefined if it was known before, or is one
   *   set too many.
   */
  add(
    capabilities: readonly string[],
    profile: SeccompProfile,
    { expected, isGuess, at }: { readonly expected: SeccompProfile; readonly isGuess: boolean; readonly at: number },
  ): Deviation | undefined {
    const key = keyOf(capabilities);
    const known = this.#reports.get(key);
    if (known === undefined && this.#reports.size >= mostSets) return undefined;
    const text = textOf(profile);
    if (known?.texts.has(text)) {
      this.#reports.set(key, { ...known, at });
      return undefined;
    }
    const { deviation, stricter } = compare(expected, profile, isGuess, this.#native);
    if (stricter !== undefined) this.#stricter = this.#both(this.#stricter, stricter);
    this.#reports.set(key, {
      profile: this.#both(known?.profile, profile),
      texts: new Set([...(known?.texts ?? []), text].slice(0, mostTexts)),
      at,
    });
    ReportedDefaults.#revisions += 1;
    this.#revision = ReportedDefaults.#revisions;
    return known?.texts.size === mostTexts ? undefined : deviation;
  }

  /**
   * Returns the default profile for a capability set: what was reported for it, else what is
   * expected, tightened by the reports for other sets.
   *
   * @param mayBeLooser whether a report for the set may be looser than what is expected.
   */
  profileFor(
    capabilities: readonly string[],
    { expected, mayBeLooser }: { readonly expected: SeccompProfile; readonly mayBeLooser: boolean },
  ): SeccompProfile {
    const own = this.#reports.get(keyOf(capabilities));
    if (own !== undefined && mayBeLooser && own.texts.size === 1) return own.profile;
    const more = own?.profile ?? this.#stricter;
    return more === undefined ? expected : this.#both(expected, more);
  }

  #both(first: SeccompProfile | undefined, second: SeccompProfile): SeccompProfile {
    return first === undefined ? second : intersect([first, second], this.#native).profile;
  }
}

/** What diffSeccomp calls a change that is of no syscall. */
const properties: ReadonlySet<string> = new Set(['architectures', 'flags', 'listener']);

function compare(
  expected: SeccompProfile,
  reported: SeccompProfile,
  isGuess: boolean,
  native: string,
): { readonly deviation: Deviation; readonly stricter: SeccompProfile | undefined } {
  const deviation = {
    loosened: loosenedSubjects(expected, reported, native),
    tightened: loosenedSubjects(reported, expected, native),
  };
  return { deviation, stricter: stricterPart(reported, deviation.tightened, isGuess, native) };
}

/**
 * Returns a profile that does with the syscalls in `tightened` what `reported` does, and allows all
 * others; or `reported` itself, if that cannot be expressed.
 */
function stricterPart(
  reported: SeccompProfile,
  tightened: readonly string[],
  isGuess: boolean,
  native: string,
): SeccompProfile | undefined {
  if (tightened.length === 0) return undefined;
  if (isGuess || tightened.includes('defaultAction')) return reported;
  const names = tightened.filter((subject) => !properties.has(subject));
  const allowsOthers: SeccompProfile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: reported.architectures ?? [],
    syscalls: names.length === 0 ? [] : [{ names, action: 'SCMP_ACT_KILL_PROCESS' }],
  };
  const { profile } = unionSeccomp([reported, allowsOthers], native);
  // A union may be laxer than its inputs if conditions overlap or cannot be written.
  const isLaxer = loosenedSubjects(reported, profile, native).some((subject) => names.includes(subject));
  return isLaxer ? reported : profile;
}

/** Returns in what `to` is laxer than `from`, for some calls at least, or cannot be compared. */
function loosenedSubjects(from: SeccompProfile, to: SeccompProfile, native: string): readonly string[] {
  const { changes } = diffSeccomp(from, to, native);
  return [...new Set(changes.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject))];
}

function keyOf(capabilities: readonly string[]): string {
  return capabilities.join(' ');
}

function textOf(profile: SeccompProfile): string {
  return JSON.stringify(profile, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
}
