import type { PublishedProfile, RuntimeProfile } from './profile.ts';
import { type ProfileHost, resolveDocker } from './seccomp/read/resolve-docker.ts';

/**
 * Returns what a published profile is for one container: itself, unless it has conditions on the
 * container.
 */
export function resolveProfile(profile: PublishedProfile, host: ProfileHost): RuntimeProfile {
  if (isResolved(profile)) return profile;
  return { kind: 'Seccomp', seccomp: resolveDocker(profile.unresolved, host) };
}

/** Reports whether a published profile is the same for every container. */
export function isResolved(profile: PublishedProfile): profile is RuntimeProfile {
  return !('unresolved' in profile);
}
