import type { SeccompProfile } from './model.ts';

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
 * A seccomp profile in the form of Docker and Podman: that of the runtime-spec with conditions on the container and the
 * machine, which runtimes that read the runtime-spec ignore. What it permits is known for one container, by resolveDocker.
 */
export interface DockerProfile {
  /** All entries, whatever their conditions. */
  readonly profile: SeccompProfile;
  /** The condition of each entry of the profile; undefined for one that always holds. */
  readonly conditions: readonly (DockerCondition | undefined)[];
  /** Architectures (SCMP_ARCH_*) by the machine's own; absent if the profile lists architectures for all machines, or none. */
  readonly archMap?: ReadonlyMap<string, readonly string[]>;
}

/** Whether what the profile permits depends on the container, its machine or its kernel. */
export function dependsOnContainer({ conditions, archMap }: DockerProfile): boolean {
  return (archMap?.size ?? 0) > 0 || conditions.some((condition) => condition !== undefined);
}
