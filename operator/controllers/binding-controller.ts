import { type Reconciled, runController } from '#lib/kube/controller';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import { namedArtifact } from '../api/profile-reference.ts';
import { labelOf } from '../bind/binding.ts';
import { givenProfile } from '../bind/given-profile.ts';
import { coverageKey, noCoverage } from '../coverage/binding-coverage.ts';
import { fieldManager } from '../kube/field-manager.ts';
import { decisionTrigger } from '../node-decisions/decision-trigger.ts';
import type { KnownDecisions } from '../node-decisions/node-decisions.ts';
import { nodesAccept } from '../node-decisions/nodes-accept.ts';
import type { CoverageView, StoredBinding } from './coverage-view.ts';
import { type BindingStatus, planBinding } from './plan-binding.ts';

export interface BindingControllerOptions {
  readonly client: ObjectClient;
  readonly view: CoverageView;
  /** What nodes decide about artifacts. */
  readonly decisions?: KnownDecisions | undefined;
  /** Milliseconds after which the status of a binding is determined again. */
  readonly period: number;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
}

/** Kinds whose status another controller writes. */
const others: ReadonlySet<string> = new Set(['ProfileBinding']);

/**
 * Writes the status of ArtifactBindings and ClusterArtifactBindings until `signal` aborts: whether
 * they give pods a profile, and which running pods they decide on.
 */
export async function runBindingControllers(options: BindingControllerOptions, signal: AbortSignal): Promise<void> {
  const { client, view, decisions, log, metrics } = options;
  const controllers = view.bindings
    .filter(({ resource }) => !others.has(resource.kind))
    .map((informer) => {
      const name = informer.resource.plural;
      const reconcile = (object: StoredBinding): Promise<Reconciled> => reconcileBinding(object, options);
      const triggers = decisions && [decisionTrigger(decisions, informer.store)];
      return runController({ name, client, fieldManager, informer, triggers, reconcile, log, metrics }, signal);
    });
  await Promise.all(controllers);
}

async function reconcileBinding(
  { binding, metadata, status = {} }: StoredBinding,
  { view, decisions, period }: BindingControllerOptions,
): Promise<Reconciled> {
  if (binding === undefined) return {};
  await view.settled();
  const { bindings, conflicts, outdatedIn } = await view.coverage();
  const { namespace = '', generation } = metadata;
  const { profile, problem } = givenProfile(binding, view.contextOf(namespace));
  const artifact = namedArtifact(profile ?? '');
  const decided = artifact && decisions?.about(artifact.reference, metadata.namespace);
  const key = coverageKey(labelOf(binding), namespace);
  const facts = {
    generation,
    profile,
    problem,
    source: binding.source.from,
    conflict: conflicts.get(key)?.message,
    ...(decided && { acceptance: nodesAccept(decided) }),
    coverage: bindings.get(key) ?? noCoverage,
  };
  return { status: planBinding(facts, status as BindingStatus, new Date()), requeueAfter: outdatedIn ?? period };
}
