import type { CriClient } from '#lib/cri/client';
import { unlessRemoved } from '#lib/cri/runtime-call';
import { type MachineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { ContainerState } from '../../lib/cri/gen/cri_pb.js';
import { isRuntimeDefault, reportedProfiles } from '../report/reported-profiles.ts';
import { parseContainerReport } from './container-report.ts';
import { expectedDefault, handlerDefaults } from './handler-defaults.ts';
import { ReportedDefaults } from './reported-defaults.ts';
import { askContainerInfo, askFacts, askHandler } from './runtime-questions.ts';

/** How the default profile that is known of a runtime compares with what it reports. */
export interface BaselineComparison {
  /** The runtime and its version. */
  readonly runtime: string;
  /** Why the known default may not be that of the runtime. */
  readonly assumption?: string;
  /** How many running containers under RuntimeDefault were compared. */
  readonly compared: number;
  /** System calls for which the runtime reports less, or more, than is expected. */
  readonly loosened: readonly string[];
  readonly tightened: readonly string[];
}

/** How many containers are compared. */
const mostCompared = 3;
/** How many containers are asked about. */
const mostAsked = 50;

/**
 * Compares the default profile that is known of a runtime with the profiles of its running
 * containers under RuntimeDefault. Rejects with Unavailable if the runtime does not answer.
 */
export async function compareBaseline(
  cri: CriClient,
  machine: { readonly architecture: MachineArchitecture; readonly kernel: string },
  signal: AbortSignal,
): Promise<BaselineComparison> {
  const facts = await askFacts(cri, signal);
  const ofNode = await handlerDefaults(facts, '');
  const { containers } = await cri.listContainers({}, signal);
  const running = containers.filter(({ state }) => state === ContainerState.CONTAINER_RUNNING).slice(0, mostAsked);
  const reports = new ReportedDefaults(nativeArchitecture(machine.architecture));
  const [loosened, tightened] = [new Set<string>(), new Set<string>()];
  let compared = 0;
  for (const { id, podSandboxId } of running) {
    if (compared === mostCompared) break;
    const info = await unlessRemoved(askContainerInfo(cri, id, signal));
    if (!isRuntimeDefault(reportedProfiles(info))) continue;
    const report = parseContainerReport(info);
    if ('unusable' in report) continue;
    const defaults = await handlerDefaults(facts, await askHandler(cri, podSandboxId, signal));
    const { profile, capabilities } = report;
    const expected = await expectedDefault(defaults, { ...machine, capabilities });
    const deviation = reports.add(capabilities, profile, { expected, isGuess: false, at: 0 });
    compared += 1;
    for (const name of deviation?.loosened ?? []) loosened.add(name);
    for (const name of deviation?.tightened ?? []) tightened.add(name);
  }
  const { runtime, assumption } = ofNode;
  return {
    ...{ runtime, compared, loosened: [...loosened], tightened: [...tightened] },
    ...(assumption === undefined ? {} : { assumption }),
  };
}
