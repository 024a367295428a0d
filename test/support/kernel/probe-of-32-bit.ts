import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { Call } from '../../oracle/seccomp-evaluate.ts';
import { startVm, type Vm } from '../../peers/vm.ts';
import {
  compileProbe,
  type KernelResult,
  ProbeContainer,
  recordsOf,
  resultsOf,
  specificationWith,
} from './run-probe.ts';

/** Runs the probe in containers of a kernel that runs 32-bit programs. */
export interface Probe {
  /** Whether that is the kernel of a virtual machine, in which everything takes longer. */
  readonly isEmulated: boolean;
  /** Makes calls in a container under a profile; undefined if it does not get ready in time. */
  run(profile: SeccompProfile, calls: readonly Call[]): Promise<readonly KernelResult[] | undefined>;
  stop(): Promise<void>;
}

/**
 * Returns a probe of 32-bit calls: of the host, or of a virtual machine if the host's kernel has
 * none. The probe is compiled into `folder`, which the caller removes.
 */
export async function probeOf32Bit(folder: string): Promise<Probe> {
  const container = new ProbeContainer(folder);
  if (!container.runs32BitPrograms()) return new GuestProbe(await startVm());
  return {
    isEmulated: false,
    run: async (profile, calls) => container.run(profile, calls, 20_000),
    stop: async () => undefined,
  };
}

class GuestProbe implements Probe {
  readonly isEmulated = true;
  readonly #vm: Vm;
  #runs = 0;

  constructor(vm: Vm) {
    this.#vm = vm;
    compileProbe(path.join(vm.job, 'probe'));
  }

  async run(profile: SeccompProfile, calls: readonly Call[]): Promise<readonly KernelResult[] | undefined> {
    this.#runs += 1;
    const id = `probe-${this.#runs}`;
    writeFileSync(path.join(this.#vm.job, `${id}.json`), specificationWith(profile));
    writeFileSync(path.join(this.#vm.job, `${id}.calls`), recordsOf(calls));
    const stdout = await this.#vm.output(`
      set -e
      mkdir -p /tmp/${id}/rootfs/proc
      cp /job/probe /tmp/${id}/rootfs/probe
      cp /job/${id}.json /tmp/${id}/config.json
      runc --root /tmp/runc run --bundle /tmp/${id} ${id} < /job/${id}.calls
      rm -r /tmp/${id}`);
    return resultsOf(stdout, calls);
  }

  stop(): Promise<void> {
    return this.#vm.stop();
  }
}
