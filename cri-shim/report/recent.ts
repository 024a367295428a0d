import type { ErrorKind } from '#lib/errors';

/** How many refusals are kept: the latest ones. */
const mostRefusals = 20;

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

/** What the shim refused lately, for administrators who ask. */
export class Recent {
  readonly #now: () => Date;
  readonly #refusals: Refusal[] = [];

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
}
