import { LRUCache } from 'lru-cache';
import type { Installed } from '#lib/node/install/install-profile';
import type { Constraint, EffectiveInputs, ProfileInput } from '#lib/profile/constraint';
import { mapInputs } from '#lib/profile/constraint';
import type { RuntimeProfile } from '#lib/profile/profile';

/** Number of effective profiles that are remembered. */
const mostRemembered = 1000;

/** An effective profile as it was installed, without its content. */
export interface InstalledEffective {
  readonly installed: Installed;
  /** Number of constraints by the input that constrained it. */
  readonly constrained: ReadonlyMap<ProfileInput, number>;
  readonly unlogged: readonly string[];
}

/**
 * Remembers which effective profile was installed for which inputs. Profiles never change, so that
 * inputs are the same if they are the same objects: a policy that is read again, or a default
 * profile that a runtime reports, is another object.
 */
export class EffectiveMemory {
  readonly #numbers = new WeakMap<object, number>();
  readonly #remembered = new LRUCache<string, InstalledEffective>({ max: mostRemembered });
  #next = 0;

  /** Returns what was installed for inputs; undefined if that is not known. */
  recall(inputs: EffectiveInputs<RuntimeProfile>): InstalledEffective | undefined {
    return this.#remembered.get(this.#keyOf(inputs));
  }

  remember(inputs: EffectiveInputs<RuntimeProfile>, effective: InstalledEffective): void {
    this.#remembered.set(this.#keyOf(inputs), effective);
  }

  #keyOf(inputs: EffectiveInputs<RuntimeProfile>): string {
    const { baseline = 0, base = 0, artifact, mode = '' } = mapInputs(inputs, (profile) => this.#numberOf(profile));
    return `${inputs.artifact.kind} ${baseline} ${base} ${artifact} ${mode}`;
  }

  #numberOf(profile: RuntimeProfile): number {
    const content = profile.kind === 'Seccomp' ? profile.seccomp : profile.apparmor;
    const known = this.#numbers.get(content);
    if (known !== undefined) return known;
    this.#next += 1;
    this.#numbers.set(content, this.#next);
    return this.#next;
  }
}

/** Returns the number of constraints by the input that constrained a profile. */
export function countConstraints(constraints: readonly Constraint[]): ReadonlyMap<ProfileInput, number> {
  const groups = Map.groupBy(constraints, ({ input }) => input);
  return new Map([...groups].map(([input, of]) => [input, of.length]));
}
