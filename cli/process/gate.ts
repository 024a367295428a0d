/** Exit code of a gate that stops a pipeline. No error kind has it (lib/errors.ts). */
export const gateExit = 1;

/** Thrown if a command succeeded and its result is what `--fail-on` is to stop. */
export class GateClosed extends Error {
  override readonly name = 'GateClosed';
  /** The next step. */
  readonly hint?: string;

  constructor(message: string, hint?: string) {
    super(message);
    if (hint !== undefined) this.hint = hint;
  }
}
