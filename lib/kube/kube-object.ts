import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { apiVersionOf, type Resource } from './resource.ts';

/** Not a record of valibot, which leaves out keys such as `constructor`: a valid label. */
const strings = v.custom<Readonly<Record<string, string>>>(
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string'),
  'want strings',
);

const metadataSchema = v.looseObject({
  name: v.string(),
  namespace: v.optional(v.string()),
  uid: v.optional(v.string(), ''),
  resourceVersion: v.string(),
  generation: v.optional(v.number()),
  labels: v.optional(strings),
  annotations: v.optional(strings),
  finalizers: v.optional(v.array(v.string())),
  creationTimestamp: v.nullish(v.string()),
  deletionTimestamp: v.nullish(v.string()),
});

/** The metadata of an object, as the API server returns it. */
export type ObjectMeta = v.InferOutput<typeof metadataSchema>;

/** An object that the API server has returned. Only its metadata is known to be valid. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** An object that is sent to the API server. */
export interface ObjectToWrite {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/**
 * Returns a value as an object with metadata. API version and kind, which the items of a list may
 * lack, are those of the resource. Throws InvalidInput if it has no metadata of an object.
 */
export function toKubeObject(resource: Resource, value: unknown): KubeObject {
  const parsed = v.safeParse(v.looseObject({ metadata: metadataSchema }), value, { abortEarly: true });
  if (parsed.success) return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...parsed.output };
  const { message } = parsed.issues[0];
  const place = v.getDotPath(parsed.issues[0]) ?? 'the object';
  throw new FairleadError(
    'InvalidInput',
    `the API server returns a ${resource.kind} with an invalid ${place}: ${message}`,
  );
}
