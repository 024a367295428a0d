import { readFileSync } from 'node:fs';
import { residentMiB } from '#test/support/operator/admission-load';
import { AdmissionCluster, immediate } from '#test/support/operator/admissions';

const rounds = 7;
/** Of one measurement. FAIRLEAD_BENCH_SECONDS=5. */
const seconds = Number(process.env['FAIRLEAD_BENCH_SECONDS'] ?? 3);
/** Pods that are created at a time; an API server takes at most 200 requests that write. */
const atOnce = 100;

interface Round {
  /** Pods that were created in a second. */
  readonly rate: number;
  /** Milliseconds of the processor that the API server took for a pod. */
  readonly cpu: number;
  /** Milliseconds of the processor that the operator took for a pod. */
  readonly own: number;
  /** Lists in a second. */
  readonly lists: number;
  /** Pods that were refused. */
  readonly refused: number;
}

/**
 * Pods that an API server admits in a second, with the operator and with a webhook that writes the
 * same profile into each pod at once, in turn, with 10, 100 and 500 bindings in the namespace; and
 * the memory of the operator.
 */
export async function bench(report: (line: string) => void): Promise<void> {
  const admissions = await AdmissionCluster.start();
  try {
    let bound = 1;
    for (const bindings of [10, 100, 500]) {
      await admissions.bind(bound, bindings);
      bound = bindings;
      await measure(admissions, 'web');
      const [ours, theirs]: [Round[], Round[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        theirs.push(await measure(admissions, immediate));
        ours.push(await measure(admissions, 'web'));
      }
      const of = (what: keyof Round, measured: readonly Round[]): string => spread(measured.map((each) => each[what]));
      const ratios = ours.map(({ rate }, index) => rate / (theirs[index]?.rate ?? 0));
      report(`${bindings} bindings: ${of('rate', ours)} pods/s, answered at once ${of('rate', theirs)} pods/s`);
      const refused = ours.reduce((sum, each) => sum + each.refused, 0);
      report(`  ratio ${spread(ratios, 2)}; ${of('lists', ours)} lists/s; ${refused} pods were refused`);
      report(
        `  the API server took ${of('cpu', ours)} ms for a pod, answered at once ${of('cpu', theirs)} ms; the operator ${of('own', ours)} ms`,
      );
    }
    report(`memory of the operator after all: ${residentMiB(admissions.operator.pid)} MiB`);
  } finally {
    await admissions.stop();
  }
}

async function measure(admissions: AdmissionCluster, namespace: string): Promise<Round> {
  const { apiserver } = admissions.cluster.api.pids;
  const { pid } = admissions.operator;
  const [lists, cpu, own, began] = [await admissions.lists(), cpuMs(apiserver), cpuMs(pid), performance.now()];
  const { created, failures } = await admissions.createPods(namespace, {
    atOnce,
    until: () => performance.now() - began > seconds * 1000,
  });
  const took = (performance.now() - began) / 1000;
  const [used, usedByOperator] = [cpuMs(apiserver) - cpu, cpuMs(pid) - own];
  const refused = failures.length;
  if (refused > 0) console.error(failures[0]);
  return {
    rate: created / took,
    cpu: used / created,
    own: usedByOperator / created,
    lists: ((await admissions.lists()) - lists) / took,
    refused,
  };
}

/** Returns a median with the least and the greatest value. */
function spread(values: readonly number[], digits = 1): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [least = 0, median = 0, greatest = 0] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`;
}

/** Milliseconds of the processor that a process has used so far. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
