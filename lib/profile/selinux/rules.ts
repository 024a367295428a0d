import {
  type AllowMap,
  type Inherit,
  type RawSelinuxProfile,
  SELF,
  type SelinuxProfile,
  selinuxUsage,
} from './model.ts';

/**
 * Returns what the process of a profile is allowed beyond what it inherits, whichever way the
 * profile is written: its own process is {@link SELF}, targets, classes and permissions are sorted,
 * and nothing is empty.
 */
export function rules(profile: SelinuxProfile | RawSelinuxProfile): AllowMap {
  const found: [target: string, objectClass: string, permission: string][] = [];
  if (profile.kind === 'SELinux') {
    for (const [target, classes] of profile.allow) {
      for (const [objectClass, permissions] of classes) {
        for (const permission of permissions) found.push([target, objectClass, permission]);
      }
    }
  } else {
    for (const statement of profile.policy) {
      if (statement.statement !== 'allow') continue;
      for (const permission of statement.permissions) found.push([statement.target, statement.class, permission]);
    }
  }
  const own = new Set([SELF, 'process', selinuxUsage(profile.name)]);
  return allowMap(found.map(([target, ...rest]) => [own.has(target) ? SELF : target, ...rest]));
}

/**
 * Sorts single grants into a map; the order of everything in it is that of code points, so that it
 * is stable.
 */
export function allowMap(
  grants: Iterable<readonly [target: string, objectClass: string, permission: string]>,
): AllowMap {
  const map = new Map<string, Map<string, Set<string>>>();
  for (const [target, objectClass, permission] of [...grants].sort(byText)) {
    const classes = map.get(target) ?? new Map<string, Set<string>>();
    map.set(target, classes);
    const permissions = classes.get(objectClass) ?? new Set<string>();
    classes.set(objectClass, permissions);
    permissions.add(permission);
  }
  return map;
}

function byText(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

/** Returns every single grant of a map. */
export function* grants(allow: AllowMap): Generator<[target: string, objectClass: string, permission: string]> {
  for (const [target, classes] of allow) {
    for (const [objectClass, permissions] of classes) {
      for (const permission of permissions) yield [target, objectClass, permission];
    }
  }
}

/** Reports whether a map has a single grant. */
export function isGranted(
  allow: AllowMap,
  [target, objectClass, permission]: readonly [string, string, string],
): boolean {
  return allow.get(target)?.get(objectClass)?.has(permission) ?? false;
}

/**
 * Returns the policies that a profile inherits from, each once, in the order in which they are
 * rendered. As with SPO, a SelinuxProfile always inherits from `container`, unless it inherits from
 * another SelinuxProfile; that one brings `container` along, and the compiler does not accept it
 * twice.
 */
export function inheritedBlocks(profile: SelinuxProfile | RawSelinuxProfile): readonly Inherit[] {
  if (profile.kind === 'RawSELinux') {
    const names = profile.policy.flatMap((statement) =>
      statement.statement === 'blockinherit' ? [statement.block] : [],
    );
    return names.sort().map((name) => ({ kind: 'System', name }));
  }
  const named = (kind: Inherit['kind']): string[] => {
    const names = profile.inherit.filter((inherit) => inherit.kind === kind).map(({ name }) => name);
    return [...new Set(names)].sort();
  };
  const profiles = named('SelinuxProfile');
  const system = named('System').filter((name) => name !== 'container');
  if (profiles.length === 0) system.unshift('container');
  return [
    ...system.map((name) => ({ kind: 'System', name }) as const),
    ...profiles.map((name) => ({ kind: 'SelinuxProfile', name }) as const),
  ];
}

/** Returns a text that stands for an inherited policy. */
export function inheritKey({ kind, name }: Inherit): string {
  return `${kind} ${name}`;
}

/** Returns inherited policies in a stable order, each once. */
export function uniqueInherits(inherits: readonly Inherit[]): readonly Inherit[] {
  const byKey = new Map(inherits.map((inherit) => [inheritKey(inherit), inherit]));
  return [...byKey.keys()].sort().flatMap((key) => byKey.get(key) ?? []);
}
