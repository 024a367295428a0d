import * as v from 'valibot';
import { describeIssue } from '../api/describe-issue.ts';
import { resources } from '../api/resources.ts';
import type { JsonObject } from '../api/shared/json.ts';

/**
 * Returns what the restored fields of an object make invalid in v1, or undefined. API servers do
 * not validate what a conversion adds.
 */
export function invalidRestored(kind: string, before: JsonObject, restored: JsonObject): string | undefined {
  const schema = resources.find((resource) => resource.kind === kind)?.stored.schema;
  if (schema === undefined) return undefined;
  const problems = (object: JsonObject): string[] =>
    (v.safeParse(schema, object).issues ?? []).map((issue) => describeIssue(issue, 'the object'));
  const found = problems(restored);
  if (found.length === 0) return undefined;
  const known = new Set(problems(before));
  return found.find((problem) => !known.has(problem));
}
