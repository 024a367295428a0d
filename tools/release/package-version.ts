/**
 * Returns a version of npm in the form of dpkg and rpm: `1.0.0-rc.1`, which precedes `1.0.0`, is
 * `1.0.0~rc.1` for them. Throws an Error for a pre-release with a hyphen, for which they have no
 * equivalent.
 */
export function packageVersion(version: string): string {
  const [, release = '', preRelease, build = ''] =
    /^(\d+\.\d+\.\d+)(?:-([0-9A-Za-z.]+))?(\+[0-9A-Za-z.]+)?$/.exec(version) ?? [];
  if (release === '') {
    throw new Error(`the version ${version} cannot be written for packages: want MAJOR.MINOR.PATCH[-PRE.RELEASE]`);
  }
  return `${release}${preRelease === undefined ? '' : `~${preRelease}`}${build}`;
}
