import * as v from 'valibot';
import { shorten } from '#lib/text/quote';

const longest = 300;

/**
 * Returns the place and the problem of a valibot issue, such as `spec.containers: Invalid type: …`,
 * with `whole` for the place if it is the whole value. Both quote input, and are shortened.
 */
export function describeIssue(issue: v.BaseIssue<unknown>, whole: string): string {
  const text = `${v.getDotPath(issue) ?? whole}: ${issue.message}`;
  return shorten(text, longest);
}
