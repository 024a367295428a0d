import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { describeIssue } from '../api/describe-issue.ts';
import { stringMap } from '../api/string-map.ts';

/** The label by which the webhooks exclude namespaces (deploy/operator/webhook.yaml). */
export const nameLabel = 'kubernetes.io/metadata.name';

/** The part of a core/v1 Namespace that decides whether the webhooks are called for it. */
export const namespaceSchema = v.pipe(
  v.object({ metadata: v.object({ name: v.string(), labels: v.nullish(stringMap, {}) }) }),
  v.transform(({ metadata: { name, labels } }) => ({ name, label: labels.get(nameLabel) })),
);

/** A namespace, with the value of its {@link nameLabel}. */
export type Namespace = v.InferOutput<typeof namespaceSchema>;

/** Reads a namespace of an admission request. Throws InvalidInput that names the invalid field. */
export function parseNamespace(object: unknown): Namespace {
  const parsed = v.safeParse(namespaceSchema, object, { abortEarly: true });
  if (parsed.success) return parsed.output;
  throw new FairleadError('InvalidInput', `invalid namespace: ${describeIssue(parsed.issues[0], 'the object')}`);
}

/** Returns the name of another namespace in {@link nameLabel}, if there is one. */
export function foreignName({ name, label }: Namespace): string | undefined {
  return label === name ? undefined : label;
}
