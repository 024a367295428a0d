/** Where the loader listens. */
export const lsmSocket = '/run/fairlead/lsm.sock';

/**
 * The path of all profiles: GET lists their names. Below it, PUT of the text loads the profile of
 * that name, and DELETE unloads it.
 */
export const profilesPath = '/v1/apparmor/profiles';

/** Returns the path of a profile. */
export function profilePath(name: string): string {
  return `${profilesPath}/${encodeURIComponent(name)}`;
}

/** What GET answers. */
export interface LoadedProfiles {
  readonly profiles: readonly string[];
}

/** Most characters of a rendered profile. One of 3,000 paths has 220,000. */
export const mostText = 1024 * 1024;
