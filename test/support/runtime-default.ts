import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import type { MachineArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { v2_1_0 } from '#lib/profile/seccomp/tables/runtime-defaults/containerd';

/**
 * Returns what containerd 2.1 applies under RuntimeDefault, for tests that need a profile of real
 * size.
 */
export function usualDefault(host: {
  readonly architecture: MachineArchitecture;
  readonly capabilities: readonly string[];
}): SeccompProfile {
  return runtimeDefault([v2_1_0], { ...host, kernel: '6.1' });
}
