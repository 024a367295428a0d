import type { SeccompProfile } from '../model.ts';
import { architectureFamily, machineArchitectures, nativeArchitecture } from '../tables/architecture.ts';

/** What an entry in the form of Docker and Podman asks of the container and of its machine. */
export interface DockerFilter {
  /** Capabilities in the container's bounding set, as `CAP_SYS_ADMIN`. */
  readonly capabilities: readonly string[];
  /** Machines by the names of Go and libseccomp: `amd64`, `x86`. */
  readonly machines: readonly string[];
  /** The kernel's major and minor version, at least: `4.8`. */
  readonly minKernel?: string;
}

/** When an entry holds: every part of `includes`, and no part of `excludes`. */
export interface DockerCondition {
  readonly includes: DockerFilter;
  readonly excludes: DockerFilter;
}

/**
 * A seccomp profile in the form of Docker and Podman: that of the runtime-spec with conditions on
 * the container and the machine, which runtimes that read the runtime-spec ignore. What it permits
 * is known for one container, by resolveDocker.
 */
export interface DockerProfile {
  /** All entries, whatever their conditions. */
  readonly profile: SeccompProfile;
  /** The condition of each entry of the profile; undefined for one that always holds. */
  readonly conditions: readonly (DockerCondition | undefined)[];
  /**
   * Architectures (SCMP_ARCH_*) by the machine's own; absent if the profile lists architectures for
   * all machines, or none.
   */
  readonly archMap?: ReadonlyMap<string, readonly string[]>;
}

/** Reports whether what the profile permits depends on the container, its machine or its kernel. */
export function dependsOnContainer(docker: DockerProfile): boolean {
  const { conditions, archMap } = docker;
  if (conditions.some((condition) => condition !== undefined)) return true;
  return (archMap?.size ?? 0) > 0 && architecturesOfAllMachines(docker) === undefined;
}

/**
 * Returns one list of architectures that means on every machine what `archMap` says for it;
 * undefined if none exists, or if entries depend on the machine, too.
 */
export function architecturesOfAllMachines({ conditions, archMap }: DockerProfile): readonly string[] | undefined {
  if (archMap === undefined || conditions.some(dependsOnMachine)) return undefined;
  const natives = new Set(machineArchitectures.map(nativeArchitecture));
  if ([...archMap.keys()].some((native) => !natives.has(native))) return undefined;
  const listed = new Set([...archMap.values()].flat());
  const isAlike = machineArchitectures.every((machine) => {
    const family = architectureFamily(machine);
    const [native] = family;
    const wanted = new Set([native, ...(archMap.get(native ?? '') ?? [])]);
    const got = family.filter((name) => name === native || listed.has(name));
    return got.length === wanted.size && got.every((name) => wanted.has(name));
  });
  return isAlike ? [...listed] : undefined;
}

function dependsOnMachine(condition: DockerCondition | undefined): boolean {
  return (
    condition !== undefined && [condition.includes, condition.excludes].some(({ machines }) => machines.length > 0)
  );
}
