/**
 * Exit code of a gate that stops a pipeline: none of the error kinds has it (lib/errors.ts,
 * errorMapping).
 */
export const gateExit = 1;

/**
 * A command did its work, and the result is what `--fail-on` was to stop: no error, and yet no
 * success.
 */
export class GateClosed extends Error {
  override readonly name = 'GateClosed';
}
