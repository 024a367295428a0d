import { equal, isList, isObject, type Json, type JsonObject } from './value.ts';

/**
 * What the API server and controllers write into an object, and why a manifest must not have it.
 */
const serverFields: ReadonlyMap<string, string> = new Map([
  ...['creationTimestamp', 'deletionGracePeriodSeconds', 'deletionTimestamp', 'generation', 'managedFields'].map(
    (field) => [field, 'the API server sets it'] as const,
  ),
  ...['resourceVersion', 'selfLink', 'uid'].map((field) => [field, 'the API server sets it'] as const),
  ['ownerReferences', 'it names an object by its uid, and without that object this one would be deleted'],
]);

/** The annotation of `kubectl apply`. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Returns whether nothing but SPO removes a finalizer. */
function isSpoFinalizer(finalizer: Json): boolean {
  return (
    typeof finalizer === 'string' &&
    (/^(?:spo\.x-k8s\.io\/|[^/]+-deleted$)/.test(finalizer) ||
      ['in-use-by-active-pods', 'active-workload-lock', 'active-seccomp-profile-recording-lock'].includes(finalizer))
  );
}

/** What was removed from an object, by its path, and why. */
export interface Removal {
  readonly path: readonly string[];
  readonly reason: string;
}

/** An object without what a manifest must not have. */
export interface Cleaned {
  readonly object: JsonObject;
  readonly removals: readonly Removal[];
}

/**
 * Returns an object of SPO without what the API server and SPO's controllers wrote into it, as
 * `kubectl get` prints it, and without its namespace if it is cluster-scoped.
 */
export function clean(object: JsonObject, { isClusterScoped, hasOwnStatus }: Scope): Cleaned {
  const removals: Removal[] = [];
  const metadata = object['metadata'];
  let cleaned = object;
  if (isObject(metadata)) {
    const kept = Object.entries(metadata).flatMap(([key, value]): [string, Json][] => {
      const path = ['metadata', key];
      const reason = serverFields.get(key) ?? (key === 'namespace' && isClusterScoped ? clusterScoped : undefined);
      if (reason !== undefined) {
        removals.push({ path, reason });
        return [];
      }
      const left = key === 'annotations' ? withoutLastApplied(value) : key === 'finalizers' ? withoutSpo(value) : value;
      if (equal(left, value)) return [[key, value]];
      const isEmpty = isList(left) ? left.length === 0 : isObject(left) && Object.keys(left).length === 0;
      removals.push({
        path: key === 'annotations' && !isEmpty ? [...path, lastApplied] : path,
        reason:
          key === 'annotations'
            ? 'kubectl apply writes it'
            : 'only SPO removes it, so that a deletion would wait forever',
      });
      return isEmpty ? [] : [[key, left]];
    });
    cleaned = { ...object, metadata: Object.fromEntries(kept) };
  }
  const { status, ...others } = cleaned;
  if (status === undefined || hasOwnStatus) return { object: cleaned, removals };
  return { object: others, removals: [...removals, { path: ['status'], reason: 'controllers write it' }] };
}

/** Returns an object without an annotation, and without annotations if it has no other. */
export function withoutAnnotation(object: JsonObject, name: string): JsonObject {
  const metadata = object['metadata'];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  if (!isObject(metadata) || !isObject(annotations) || !Object.hasOwn(annotations, name)) return object;
  const { [name]: _, ...others } = annotations;
  if (Object.keys(others).length > 0) return { ...object, metadata: { ...metadata, annotations: others } };
  const { annotations: __, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** What a kind allows in its manifests. */
export interface Scope {
  readonly isClusterScoped: boolean;
  /** True if the status is what the object is about. */
  readonly hasOwnStatus: boolean;
}

const clusterScoped = 'the kind is cluster-scoped';

function withoutLastApplied(annotations: Json): Json {
  if (!isObject(annotations)) return annotations;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== lastApplied));
}

function withoutSpo(finalizers: Json): Json {
  return isList(finalizers) ? finalizers.filter((finalizer) => !isSpoFinalizer(finalizer)) : finalizers;
}
