import { diffSeccomp } from '#lib/profile/seccomp/diff';
import { intersect } from '#lib/profile/seccomp/intersect';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { unionSeccomp } from '#lib/profile/seccomp/union';

/**
 * The difference between a reported profile and the expected one: names of syscalls, and
 * `architectures`, `defaultAction`, …
 */
export interface Deviation {
  readonly loosened: readonly string[];
  readonly tightened: readonly string[];
}

interface Report {
  /** The intersection of all profiles that were reported for the set. */
  readonly profile: SeccompProfile;
  /** The different profiles that were reported. More than one makes the set disputed. */
  readonly texts: ReadonlySet<string>;
  /** The time of the last report, in milliseconds. */
  readonly at: number;
}

/** Maximum number of capability sets with a report, for the containers of one handler. */
const mostSets = 64;
/** Maximum number of different reports that are distinguished for one set. */
const mostTexts = 8;

/**
 * The reports of a runtime about containers under the default profile of one handler, in one
 * version and configuration. A report applies to its own capability set. It can only tighten the
 * profile of other sets, where it is stricter than the profile that was expected for its own set.
 * Everything else in it may depend on the capabilities.
 */
export class ReportedDefaults {
  readonly #native: string;
  static #revisions = 0;
  readonly #reports = new Map<string, Report>();
  /** The parts of all reports that were stricter than expected. They apply to other sets too. */
  #stricter: SeccompProfile | undefined;
  #revision = 0;

  /** @param native the architecture of the node, as SCMP_ARCH_*. */
  constructor(native: string) {
    this.#native = native;
  }

  /**
   * 0 before the first report. Each report that changes something sets it to a number that no other
   * instance has had.
   */
  get revision(): number {
    return this.#revision;
  }

  /** Returns the time of the last report for a set, or undefined before the first one. */
  reportedAt(capabilities: readonly string[]): number | undefined {
    return this.#reports.get(keyOf(capabilities))?.at;
  }

  /**
   * Adds a report for a capability set. A second, different report for the same set makes the set
   * disputed: then the runtime decides for each container, and no report is the default profile.
   *
   * @param expected the profile that was expected for the set.
   * @param isGuess whether `expected` may be of another runtime, version or configuration. Then a
   *   report that is stricter anywhere applies to other sets as a whole.
   * @returns the difference from the expected profile; undefined if the report was known before, or
   *   exceeds the number of sets.
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
   * Returns the default profile for a capability set: the reported one, or else the expected one,
   * tightened by the reports for other sets.
   *
   * @param mayBeLooser whether a report for the set may be looser than the expected profile.
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

/** The subjects of changes in diffSeccomp that are not syscalls. */
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
 * Returns a profile that treats the syscalls in `tightened` as `reported` does, and allows all
 * others. Returns `reported` itself if that cannot be expressed.
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
  // A union may be laxer than its inputs if conditions overlap or cannot be expressed.
  const isLaxer = loosenedSubjects(reported, profile, native).some((subject) => names.includes(subject));
  return isLaxer ? reported : profile;
}

/** Returns the subjects for which `to` is laxer than `from`, or may be. */
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
