/**
 * Token scopes by resource, such as `repository:security/nginx` -> {pull, push} (distribution's
 * token-scope documentation).
 */
type ScopeMap = Map<string, Set<string>>;

/** Returns the scope to read, write or delete in one repository. */
export function repositoryScope(repository: string, actions: 'pull' | 'pull,push' | 'delete,pull,push'): string {
  return `repository:${repository}:${actions}`;
}

/**
 * Merges scopes into one sorted list with each resource once: the same scopes always print the
 * same.
 */
export function mergeScopes(scopes: readonly string[]): string[] {
  return print(read(scopes));
}

/**
 * Returns the scopes to request a token for: those that we need, and those that the challenge adds
 * for the same resources. Scopes of a challenge for other resources are dropped: a registry does
 * not get a token for repositories that we do not use.
 */
export function scopesToRequest(needed: readonly string[], challenge: string | undefined): string[] {
  const merged = read(needed);
  for (const [resource, actions] of read((challenge ?? '').split(' ').filter((scope) => scope !== ''))) {
    const ours = merged.get(resource);
    if (ours !== undefined) for (const action of actions) ours.add(action);
  }
  return print(merged);
}

function read(scopes: readonly string[]): ScopeMap {
  const map: ScopeMap = new Map();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':');
    const resource = scope.slice(0, colon);
    const actions = map.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(',')) actions.add(action);
    map.set(resource, actions);
  }
  return map;
}

function print(map: ScopeMap): string[] {
  return [...map].map(([resource, actions]) => `${resource}:${[...actions].sort().join(',')}`).sort();
}
