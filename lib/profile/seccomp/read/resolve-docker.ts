import type { SeccompProfile } from '../model.ts';
import type { MachineArchitecture } from '../tables/architecture.ts';
import { nativeArchitecture } from '../tables/architecture.ts';
import { isKernelAtLeast } from '../tables/kernel-release.ts';
import type { DockerCondition, DockerFilter, DockerProfile } from './docker.ts';
import { architecturesOfAllMachines } from './docker.ts';

/** For which machine and container a profile with conditions on them is resolved. */
export interface ProfileHost {
  readonly architecture: MachineArchitecture;
  /** The kernel's release, of which the first two numbers count: `6.1.0-18-amd64`. */
  readonly kernel: string;
  /** The container's bounding set: `CAP_SYS_ADMIN`. */
  readonly capabilities: readonly string[];
}

/** A host whose kernel may be undefined: for Podman and CRI-O, which ignore minKernel. */
export type ResolutionHost = Omit<ProfileHost, 'kernel'> & { readonly kernel: string | undefined };

/**
 * Returns what a profile in the form of Docker and Podman is for one container: `archMap` becomes
 * `architectures` (of every machine, if that means the same on each), and entries whose `includes`
 * or `excludes` do not fit are left out.
 */
export function resolveDocker(docker: DockerProfile, host: ResolutionHost): SeccompProfile {
  const { profile, conditions, archMap } = docker;
  const ofMachine = () => archMap?.get(nativeArchitecture(host.architecture)) ?? [];
  const container = new Container(host);
  const { syscalls, ...rest } = profile;
  return {
    ...rest,
    ...(archMap && { architectures: architecturesOfAllMachines(docker) ?? ofMachine() }),
    ...(syscalls && { syscalls: syscalls.filter((_, index) => container.meets(conditions[index])) }),
  };
}

class Container {
  readonly #host: ResolutionHost;
  readonly #capabilities: ReadonlySet<string>;

  constructor(host: ResolutionHost) {
    this.#host = host;
    this.#capabilities = new Set(host.capabilities.map((name) => name.toUpperCase()));
  }

  meets(condition: DockerCondition | undefined): boolean {
    return condition === undefined || (this.#hasAll(condition.includes) && !this.#hasAny(condition.excludes));
  }

  /** Every capability, one of the machines, and the kernel. */
  #hasAll({ capabilities, machines, minKernel }: DockerFilter): boolean {
    return (
      capabilities.every((name) => this.#capabilities.has(name)) &&
      (machines.length === 0 || machines.some((name) => this.#isOn(name))) &&
      (minKernel === undefined || this.#isKernelAtLeast(minKernel, true))
    );
  }

  #hasAny({ capabilities, machines, minKernel }: DockerFilter): boolean {
    return (
      capabilities.some((name) => this.#capabilities.has(name)) ||
      machines.some((name) => this.#isOn(name)) ||
      (minKernel !== undefined && this.#isKernelAtLeast(minKernel, false))
    );
  }

  #isKernelAtLeast(version: string, ifIgnored: boolean): boolean {
    const { kernel } = this.#host;
    return kernel === undefined ? ifIgnored : isKernelAtLeast(kernel, version);
  }

  /** Docker calls the machines as Go does, but for 386. */
  #isOn(machine: string): boolean {
    return (machine === 'x86' ? '386' : machine) === this.#host.architecture;
  }
}
