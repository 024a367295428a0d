/**
 * Reports whether a kernel is at least as new as a version.
 *
 * @param release as uname(2) has it, of which the first two numbers count: `6.1.0-18-amd64`. One
 * that has none is older than every version.
 * @param version major and minor: `4.8`.
 */
export function isKernelAtLeast(release: string, version: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
