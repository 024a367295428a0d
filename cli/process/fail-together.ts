import { FairleadError } from '#lib/errors';
import { writeFailure } from '../terminal/output.ts';

/** What a command checked, of which some failed. */
interface Checked {
  /** How many, and what they are: `files`. */
  readonly all: number;
  readonly noun: string;
  /** The form of the result. JSON lists each failure. */
  readonly output: string;
  /** The member of the JSON document with the failures. */
  readonly member: string;
  readonly ociLayout?: string | undefined;
}

/**
 * Returns the error of a command of which several objects failed: the only one as it is. Otherwise,
 * each is printed on stderr, unless the result is JSON, and an error with the kind of the first
 * counts them: stderr has one JSON error at most.
 */
export function failTogether(
  first: FairleadError,
  others: readonly FairleadError[],
  { all, noun, output, member, ociLayout }: Checked,
): FairleadError {
  if (others.length === 0) return first;
  if (output !== 'json') for (const error of [first, ...others]) writeFailure(error, ociLayout);
  return new FairleadError(first.kind, `${others.length + 1} of ${all} ${noun} could not be read`, {
    hint:
      output === 'json' ? `They are in \`${member}\`, each with its error.` : 'Each is named above, with the reason.',
  });
}
