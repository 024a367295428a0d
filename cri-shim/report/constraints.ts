import type { Constraint, ProfileInput } from '#lib/profile/constraint';

/** The fields of KEP-6061's warning, by the input that constrained a profile. */
const fieldOf = {
  baseline: 'baseline',
  base: 'baseProfile',
  // No input is stricter: the format cannot express the exact result.
  artifact: 'constrained',
} as const satisfies Record<ProfileInput, string>;

/** What constrained a profile, by the field of the warning; absent if that input did not. */
export type ConstrainedFields = { readonly [Field in (typeof fieldOf)[ProfileInput]]?: string };

/** Most bytes of all fields together: publishers must not fill the disk with log records. */
const longestFields = 2048;

/** Returns the fields of the warning SecurityProfileMergeConstrained, whole. */
export function constrainedFields(constraints: readonly Constraint[]): ConstrainedFields {
  const byField = Map.groupBy(constraints, ({ input }) => fieldOf[input]);
  return Object.fromEntries([...byField].map(([field, of]) => [field, of.map(describe).join('; ')]));
}

/** Returns the same fields in at most 2048 bytes; each ends with an ellipsis if it was cut. */
export function shortenFields(fields: ConstrainedFields): ConstrainedFields {
  const entries = Object.entries(fields);
  const share = Math.floor(longestFields / Math.max(entries.length, 1));
  return Object.fromEntries(entries.map(([field, text]) => [field, beginning(text, share)]));
}

function describe({ subject, from, to, exact }: Constraint): string {
  return `${subject}: ${from} -> ${to}${exact ? '' : ' (stricter than every input)'}`;
}

function beginning(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return text;
  // Not within a character: the bytes of a cut one decode to the replacement character.
  return `${whole
    .subarray(0, bytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
