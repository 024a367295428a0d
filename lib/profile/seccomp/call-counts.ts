import { levelsOf } from './algebra/decision.ts';
import { decisionOf, meaningOf } from './algebra/meaning.ts';
import { outcomeOf, strictness } from './algebra/outcome.ts';
import { asApplied } from './as-applied.ts';
import { effectiveSeccomp } from './effective-profile.ts';
import type { SeccompProfile } from './model.ts';
import type { ProfileHost } from './read/resolve-docker.ts';
import { runtimeDefault } from './runtime-default.ts';
import { nativeArchitecture } from './tables/architecture.ts';
import { loadTables } from './tables/runtime-defaults/load-tables.ts';
import type { RuntimeDefaultTable } from './tables/runtime-defaults/table.ts';
import { compareVersions } from './tables/runtime-defaults/version.ts';
import { defaultCapabilities } from './tables/runtime-identity.ts';
import { amd64, i386 } from './tables/syscall-table.ts';

/**
 * What becomes of one system call on a node whose baseline is RuntimeDefault, and how that differs
 * from RuntimeDefault alone: allowed for all arguments or under a condition, denied by the profile
 * only (`stricter`), allowed by the profile but denied by RuntimeDefault (`asked`), or denied by
 * both.
 */
export type CallState = 'allowed' | 'conditional' | 'stricter' | 'asked' | 'denied';

/** A system call by name, and what becomes of it. */
export interface ComparedCall {
  readonly name: string;
  readonly state: CallState;
}

/** How many system calls a seccomp profile leaves of those that RuntimeDefault allows. */
export interface CallCounts {
  /** Calls that are allowed under both, for all arguments or for some. */
  readonly allowed: number;
  /** Calls that RuntimeDefault allows. */
  readonly baseline: number;
  /** Calls that the profile allows and RuntimeDefault denies: nodes do not grant them. */
  readonly asked: number;
}

/** The oldest release that counts: what Debian 12 and Ubuntu 22.04 started with. */
const oldestRelease = [1, 6, 16];

/** The container that every number of system calls refers to. */
export const referenceHost: ProfileHost = {
  architecture: 'amd64',
  kernel: '6.1',
  capabilities: defaultCapabilities('containerd'),
};
const native = nativeArchitecture(referenceHost.architecture);
const calls: readonly string[] = [...new Set([...amd64, ...i386])];
/** SCMP_ACT_LOG lets a call pass too. */
const mostPassing = strictness(outcomeOf('SCMP_ACT_LOG', undefined));

/**
 * Returns the RuntimeDefault that every number of system calls refers to: what all releases of
 * containerd since 1.6.16 allow on amd64, on a kernel of at least 4.8, to a container with the
 * default capabilities. It allows 352 calls. A number that depended on the node could not be
 * compared with that of another profile.
 */
export async function loadReferenceDefault(): Promise<SeccompProfile> {
  const tables = (await loadTables('containerd')).filter(isRecent);
  return runtimeDefault(tables, referenceHost);
}

function isRecent({ versions }: RuntimeDefaultTable): boolean {
  return versions.some(([first]) => compareVersions(first.split('.').map(Number), oldestRelease) >= 0);
}

/**
 * Returns what becomes of each system call under a profile, sorted by name: of the calls of amd64
 * and 386, of those that RuntimeDefault names, and of those that the profile names.
 *
 * @param baseline what loadReferenceDefault returns.
 */
export function compareCalls(profile: SeccompProfile, baseline: SeccompProfile): readonly ComparedCall[] {
  const wanted = meaningOf(asApplied(profile, native));
  const granted = meaningOf(asApplied(baseline, native));
  const effective = meaningOf(effectiveSeccomp({ baseline, artifact: profile }, native).profile);
  const stateOf = (name: string): CallState => {
    const { least, most } = levelsOf(decisionOf(effective, name));
    if (least <= mostPassing) return most <= mostPassing ? 'allowed' : 'conditional';
    if (levelsOf(decisionOf(granted, name)).least <= mostPassing) return 'stricter';
    // A default that allows asks for no call in particular.
    const named = wanted.decisions.get(name);
    return named !== undefined && levelsOf(named).least <= mostPassing ? 'asked' : 'denied';
  };
  const names = new Set([...calls, ...granted.decisions.keys(), ...wanted.decisions.keys()]);
  return [...names].sort().map((name) => ({ name, state: stateOf(name) }));
}

/** Counts what compareCalls returns: `baseline` is `allowed` and what only the profile denies. */
export function countCalls(compared: readonly ComparedCall[]): CallCounts {
  const count = (...states: readonly CallState[]): number =>
    compared.filter(({ state }) => states.includes(state)).length;
  const allowed = count('allowed', 'conditional');
  return { allowed, baseline: allowed + count('stricter'), asked: count('asked') };
}
