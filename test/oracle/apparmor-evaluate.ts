import { globMatches } from './apparmor-glob.ts';

/**
 * A structured profile as plain data, written down once more so that the evaluator depends on
 * nothing.
 */
export interface PlainProfile {
  readonly mode: 'Enforce' | 'Complain';
  readonly executable?: {
    readonly allowedExecutables: readonly string[];
    readonly allowedLibraries: readonly string[];
  };
  readonly filesystem?: {
    readonly readOnlyPaths: readonly string[];
    readonly writeOnlyPaths: readonly string[];
    readonly readWritePaths: readonly string[];
  };
  readonly network?: { readonly allowRaw: boolean; readonly allowTcp: boolean; readonly allowUdp: boolean };
  readonly capability?: { readonly allowedCapabilities: readonly string[] };
}

export type Operation =
  | { readonly kind: 'execute' | 'map' | 'read' | 'write'; readonly path: string }
  | { readonly kind: 'network'; readonly type: 'allowRaw' | 'allowTcp' | 'allowUdp' }
  | { readonly kind: 'capability'; readonly name: string };

/**
 * Reports whether a profile's rules permit an operation, mode aside: the rules `ixr`, `mr`, `r`,
 * `wlk` and `rwlk`, spelled out.
 */
export function rulesPermit(profile: PlainProfile, operation: Operation): boolean {
  const { executable, filesystem, network, capability } = profile;
  if (operation.kind === 'capability') return capability?.allowedCapabilities.includes(operation.name) ?? true;
  if (operation.kind === 'network') return network?.[operation.type] ?? true;
  const named = (lists: readonly (readonly string[] | undefined)[]) =>
    lists.some((list) => list?.some((glob) => globMatches(glob, operation.path)));
  const { allowedExecutables, allowedLibraries } = executable ?? {};
  if (operation.kind === 'execute') return executable === undefined || named([allowedExecutables]);
  if (operation.kind === 'map') return executable === undefined || named([allowedExecutables, allowedLibraries]);
  if (filesystem === undefined) return true;
  if (operation.kind === 'write') return named([filesystem.writeOnlyPaths, filesystem.readWritePaths]);
  return named([filesystem.readOnlyPaths, filesystem.readWritePaths, allowedExecutables, allowedLibraries]);
}

/** Reports whether an operation goes through: in complain mode all do. */
export function permits(profile: PlainProfile, operation: Operation): boolean {
  return profile.mode === 'Complain' || rulesPermit(profile, operation);
}
