import { readFileSync } from 'node:fs';
import { AdmissionCluster } from './admissions.ts';

export interface AdmissionLoad {
  readonly bindings: number;
  /** Pods that are created; further admissions are dry runs. */
  readonly pods: number;
  readonly admissions: number;
  readonly atOnce: number;
  /** How often the memory is measured. */
  readonly samples: number;
}

export interface AdmissionLoadResult {
  /** The answers of the API server for pods that were not admitted. */
  readonly failures: readonly string[];
  readonly seconds: number;
  /** Lists of bindings that the API server has answered. */
  readonly lists: number;
  /** MiB of the operator after each part of the admissions. */
  readonly memory: readonly number[];
}

/** Admits many pods, as many at a time as `atOnce`, while bindings come and go. */
export async function admitMany(load: AdmissionLoad): Promise<AdmissionLoadResult> {
  const { bindings, pods, admissions, atOnce, samples } = load;
  const cluster = await AdmissionCluster.start();
  try {
    await cluster.bind(1, bindings);
    const [listsBefore, began] = [await cluster.lists(), performance.now()];
    const failures: string[] = [];
    const memory: number[] = [];
    let admitted = 0;
    while (admitted < admissions) {
      const many = Math.ceil(admissions / samples);
      const query = admitted < pods ? '' : '?dryRun=All';
      const until = (sent: number): boolean => sent >= many;
      const result = await cluster.createPods('web', { atOnce, until, query });
      failures.push(...result.failures);
      admitted += many;
      await cluster.bind(bindings + memory.length, bindings + memory.length + 1);
      await cluster.cluster.unbind(`binding-${bindings + memory.length}`);
      memory.push(residentMiB(cluster.operator.pid));
    }
    const seconds = (performance.now() - began) / 1000;
    return { failures, seconds, lists: (await cluster.lists()) - listsBefore, memory };
  } finally {
    await cluster.stop();
  }
}

/** Returns the MiB of memory that a process has. */
export function residentMiB(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
