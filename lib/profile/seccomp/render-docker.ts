import { architectureFamily, machineArchitectures } from './architecture.ts';
import type { SeccompProfile } from './model.ts';
import { renderSeccompJson } from './render-json.ts';

/**
 * Writes a profile in the form of Docker and Podman: that of the runtime-spec, where `archMap` says for each machine
 * which architectures hold on it. Nothing depends on capabilities or kernels.
 */
export function renderDocker(profile: SeccompProfile): string {
  const { architectures = [], ...rest } = profile;
  const families = machineArchitectures.map(architectureFamily);
  const known = new Set(families.flat());
  // A list that names architectures of machines that Docker does not know stays a list; the two exclude each other.
  if (architectures.length === 0 || architectures.some((name) => !known.has(name))) return renderSeccompJson(profile);
  const archMap = families
    .map(([native = '', ...others]) => ({ native, others: others.filter((name) => architectures.includes(name)) }))
    .filter(({ native, others }) => architectures.includes(native) || others.length > 0)
    .map(({ native, others }) => ({ architecture: native, subArchitectures: others }));
  return renderSeccompJson(rest, archMap);
}
