import type { CriClient } from '#lib/cri/client';
import { unlessRemoved } from '#lib/cri/runtime-call';
import { FairleadError } from '#lib/errors';
import type { Store } from '#lib/node/store/store';
import { ContainerState } from '../../lib/cri/gen/cri_pb.js';
import type { Recent } from '../report/recent.ts';
import { reportedProfiles } from '../report/reported-profiles.ts';
import type { ExplainedContainer, PodExplanation } from './documents.ts';

/** The dependencies of explainPod. */
export interface ExplainPodDependencies {
  readonly runtime: Pick<CriClient, 'listContainers' | 'listPodSandbox' | 'containerStatus'>;
  readonly store: Pick<Store, 'uses'>;
  readonly recent: Pick<Recent, 'refusals'>;
}

/** What the notes of the shim have of a container. */
type CreatedWith = Pick<ExplainedContainer, 'artifacts' | 'appArmor' | 'appArmorElsewhere' | 'applied'>;

/** How long the runtime may take to answer in all, in milliseconds. */
const patience = 10_000;

/**
 * Returns what the sandbox and the containers of a pod run under, from the notes of the shim and
 * from the runtime, and what the shim refused for the pod. Throws NotFound if the runtime has no
 * such pod and nothing was refused for it, and Unavailable if the runtime does not answer.
 *
 * @param pod `namespace/name`.
 */
export async function explainPod(
  pod: string,
  { runtime, store, recent }: ExplainPodDependencies,
  caller: AbortSignal,
): Promise<PodExplanation> {
  const signal = AbortSignal.any([caller, AbortSignal.timeout(patience)]);
  const [{ items }, { containers }, uses] = await Promise.all([
    runtime.listPodSandbox({}, signal),
    runtime.listContainers({}, signal),
    store.uses.list(),
  ]);
  const sandboxes = items.filter(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === pod);
  const refusals = recent.refusals.filter((refusal) => refusal.pod === pod);
  if (sandboxes.length === 0 && refusals.length === 0) {
    throw new FairleadError('NotFound', `the runtime of this node has no pod ${pod}`, {
      hint: 'Write namespace/name. List the pods of the node: crictl pods',
    });
  }
  const sandboxIds = new Set(sandboxes.map(({ id }) => id));
  const own = containers.filter(({ podSandboxId }) => sandboxIds.has(podSandboxId));
  const ids = new Set([...sandboxIds, ...own.map(({ id }) => id)]);
  const created = (id: string): CreatedWith => {
    const { artifacts = [], appArmor, applied = [] } = uses.get(id) ?? {};
    if (appArmor === undefined) return { artifacts, applied };
    const others = [...uses].filter(([other, use]) => !ids.has(other) && use.appArmor === appArmor);
    return { artifacts, appArmor, ...(others.length > 0 && { appArmorElsewhere: others.length }), applied };
  };
  const explained = own.map(async ({ id, metadata, state }): Promise<ExplainedContainer | undefined> => {
    const name = metadata?.name ?? '';
    const reported = await unlessRemoved(runtime.containerStatus({ containerId: id, verbose: true }, signal));
    if (reported === undefined) return undefined;
    const stateName = ContainerState[state]?.toLowerCase().replace('container_', '') ?? 'unknown';
    return { id, name, state: stateName, ...created(id), runtime: reportedProfiles(reported.info['info']) };
  });
  const ofSandboxes = sandboxes.map(({ id }) => ({ id, state: 'sandbox', ...created(id), runtime: {} }));
  const ofContainers = (await Promise.all(explained)).filter((each) => each !== undefined);
  return { pod, containers: [...ofSandboxes, ...ofContainers], refusals };
}
