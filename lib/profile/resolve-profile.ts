import type { PublishedProfile, RuntimeProfile } from './profile.ts';
import { type ProfileHost, resolveDocker } from './seccomp/resolve-docker.ts';

/** Returns what a published profile is for one container: itself, unless it has conditions on the container. */
export function resolveProfile(profile: PublishedProfile, host: ProfileHost): RuntimeProfile {
  if (!('unresolved' in profile)) return profile;
  return { kind: 'Seccomp', seccomp: resolveDocker(profile.unresolved, host) };
}
