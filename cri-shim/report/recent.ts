import type { ErrorKind } from '#lib/errors';

/** How many refusals are kept: the latest ones. */
const mostRefusals = 20;
/** How many applied profiles are kept: those of the latest containers and sandboxes. */
const mostApplied = 2000;

/** A call that the shim refused. */
export interface Refusal {
  /** RFC 3339. */
  readonly time: string;
  readonly method: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly pod?: string;
  readonly container?: string;
}

/** A profile that was applied to a container or sandbox. */
export interface AppliedRecord {
  /** RFC 3339. */
  readonly time: string;
  /** The ID of the container or sandbox: its name is that of others before and after it, too. */
  readonly id: string;
  readonly kind: string;
  readonly reference: string;
  /** `match` of the rule that allowed it. */
  readonly rule: string;
  /** Who signed it: names of keys, and identities. */
  readonly signers: readonly string[];
  readonly base?: string;
  readonly mode?: string;
  /** The path of the effective profile, or its name in the kernel. */
  readonly installed: string;
  /** How many dimensions of the profile each input constrained. */
  readonly constrained: Readonly<Record<string, number>>;
}

/** What the shim did lately, for administrators who ask. */
export class Recent {
  readonly #now: () => Date;
  readonly #refusals: Refusal[] = [];
  readonly #applied = new Map<string, AppliedRecord>();

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** The latest refusals, the latest one first. */
  get refusals(): readonly Refusal[] {
    return this.#refusals.toReversed();
  }

  refused(refusal: Omit<Refusal, 'time'>): void {
    this.#refusals.push({ time: this.#now().toISOString(), ...refusal });
    if (this.#refusals.length > mostRefusals) this.#refusals.shift();
  }

  applied(record: Omit<AppliedRecord, 'time'>): void {
    const key = JSON.stringify([record.id, record.kind]);
    this.#applied.delete(key);
    this.#applied.set(key, { time: this.#now().toISOString(), ...record });
    const [oldest] = this.#applied.keys();
    if (this.#applied.size > mostApplied && oldest !== undefined) this.#applied.delete(oldest);
  }

  /** Returns what was applied to a container or sandbox since the shim started. */
  appliedTo(id: string): readonly AppliedRecord[] {
    return [...this.#applied.values()].filter((record) => record.id === id);
  }

  /** Returns what was applied of an artifact last; undefined if nothing was since the start. */
  lastOf(digest: string): AppliedRecord | undefined {
    return [...this.#applied.values()].findLast(({ reference }) => reference.endsWith(`@${digest}`));
  }
}
