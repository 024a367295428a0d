import type { SeccompProfile } from '../model.ts';
import { architectureFamily, machineArchitectures } from '../tables/architecture.ts';
import { renderSeccompJson } from './render-json.ts';

/**
 * Writes a profile in the form of Docker and Podman: that of the runtime-spec, where `archMap`
 * lists the architectures of each machine. Nothing depends on capabilities or kernels, and what
 * reads it for any machine finds the same architectures again.
 */
export function renderDocker(profile: SeccompProfile): string {
  const { architectures = [], ...rest } = profile;
  const listed = new Set(architectures);
  const families = machineArchitectures.map(architectureFamily);
  const known = new Set(families.flat());
  const isMachine = ([native]: readonly string[]) => native !== undefined && listed.has(native);
  const isGuestAlone = (family: readonly string[]) => !isMachine(family) && family.some((name) => listed.has(name));
  // A list that an archMap cannot express stays a list; the two exclude each other.
  if (listed.size === 0 || architectures.some((name) => !known.has(name)) || families.some(isGuestAlone)) {
    return renderSeccompJson(profile);
  }
  const archMap = families.filter(isMachine).map(([native = '', ...others]) => ({
    architecture: native,
    subArchitectures: others.filter((name) => listed.has(name)),
  }));
  return renderSeccompJson(rest, archMap);
}
