/** A kind of objects of the API server, and where they are. */
export interface Resource {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** The name of one object, and its namespace if its resource has namespaces. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Returns `group/version`, or the version of the core group. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * Returns the path of a collection: of one namespace, or of the whole cluster if `namespace` is
 * undefined.
 */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.group === '' ? '/api' : '/apis';
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}/${apiVersionOf(resource)}${place}/${resource.plural}`;
}

/** Returns the path of one object, or of a subresource of it. */
export function objectPath(resource: Resource, { namespace, name }: ObjectName, subresource?: string): string {
  const place = resource.namespaced ? namespace : undefined;
  const path = `${collectionPath(resource, place)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Returns an object as messages name it: `SeccompProfile nginx`, `Pod web/nginx-0`. */
export function describeObject({ kind }: Resource, name: ObjectName): string {
  return `${kind} ${objectKey(name)}`;
}

/**
 * Returns the key of an object in stores and queues: its name, after its namespace and a slash if
 * it has one. Names contain no slash.
 */
export function objectKey({ namespace, name }: ObjectName): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Returns the namespace and name of a key; see {@link objectKey}. */
export function parseObjectKey(key: string): ObjectName {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
