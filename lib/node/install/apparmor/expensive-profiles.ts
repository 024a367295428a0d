import { FairleadError } from '#lib/errors';

/** How long a profile that was too expensive is not compiled again, in milliseconds. */
const memory = 5 * 60 * 1000;
/** How many profiles are remembered: the latest ones. */
const mostRemembered = 256;

/**
 * Remembers which profiles took too long to compile, or too much memory. The loader compiles one
 * profile after another: pods that are created again and again with such a profile would hold it
 * up for all others.
 */
export class ExpensiveProfiles {
  readonly #clock: () => number;
  readonly #refusals = new Map<string, { readonly error: FairleadError; readonly at: number }>();

  /** `clock` returns milliseconds that only increase. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Throws LimitExceeded if a profile of this name was too expensive some minutes ago. */
  check(name: string): void {
    const refusal = this.#refusals.get(name);
    if (refusal === undefined) return;
    const age = this.#clock() - refusal.at;
    if (age >= memory) return void this.#refusals.delete(name);
    const { error } = refusal;
    const { kind, summary, hint, local } = error;
    throw new FairleadError(kind, `${summary} (it is compiled again in ${Math.ceil((memory - age) / 1000)} s)`, {
      cause: error,
      ...(hint !== undefined && { hint }),
      ...(local !== undefined && { local }),
    });
  }

  /** Remembers an error of the loader if it states that the profile is too expensive. */
  note(name: string, error: unknown): void {
    if (!(error instanceof FairleadError) || error.kind !== 'LimitExceeded') return;
    this.#refusals.delete(name);
    this.#refusals.set(name, { error, at: this.#clock() });
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > mostRemembered && oldest !== undefined) this.#refusals.delete(oldest);
  }
}
