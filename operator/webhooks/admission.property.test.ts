import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  applyPatch,
  arbitraryBindings,
  arbitraryContainers,
  arbitraryMetadata,
  arbitraryPods,
  type Json,
} from '#test/support/arbitrary-pods';
import { contextOf } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindEphemeralContainers, bindPod } from '../bind/bind.ts';
import type { Binding } from '../bind/binding.ts';
import { checkEphemeralContainers, checkPod, checkUpdate } from '../bind/check.ts';

/** One request of a tenant, and what webhooks that are called after the operator's make of it. */
type Step =
  | { readonly kind: 'label'; readonly metadata: Json }
  | { readonly kind: 'debug'; readonly claimed: Json; readonly added: Json[]; readonly late: Late };

/** Puts a container into a list of the pod, or takes the security context off one. */
type Late = { readonly list: string; readonly index: number; readonly container: Json | null } | null;

const arbitraryLate = (lists: [string, ...string[]]): fc.Arbitrary<Late> =>
  fc.option(
    fc.record({
      list: fc.constantFrom(...lists),
      index: fc.nat(2),
      container: fc.option(arbitraryContainers('late', 1).map(([container]) => container ?? { name: 'late0' })),
    }),
    { freq: 2 },
  );
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('label' as const), metadata: arbitraryMetadata }),
    fc.record({
      kind: fc.constant('debug' as const),
      claimed: arbitraryPods,
      added: arbitraryContainers('e', 2),
      late: arbitraryLate(['ephemeralContainers']),
    }),
  ),
  { maxLength: 4 },
);

function change(pod: Json, late: Late): Json {
  if (late === null) return pod;
  const changed = structuredClone(pod);
  const spec = changed['spec'] as Json;
  const list = [...((spec[late.list] ?? []) as Json[])];
  const target = list[late.index];
  if (late.container !== null) list.splice(late.index, 0, late.container);
  else if (target !== undefined) delete target['securityContext'];
  spec[late.list] = list;
  return changed;
}

/**
 * An API server as far as pods go: mutating admission, other webhooks, what it keeps of the
 * request, and validating admission of that. Before 1.24 it knows no spec.os.
 */
class Server {
  pod: Json | undefined;
  readonly #bindings: readonly Binding[];
  readonly #knowsOs: boolean;

  constructor(bindings: readonly Binding[], knowsOs: boolean) {
    this.#bindings = bindings;
    this.#knowsOs = knowsOs;
  }

  create(requested: Json, late: Late): void {
    const outcome = bindPod(parsePod(requested), contextOf(this.#bindings));
    if (outcome.outcome === 'refused') return;
    const mutated = outcome.outcome === 'bound' ? applyPatch(requested, outcome.patch) : requested;
    const stored = this.#keep(change(mutated, late));
    if (checkPod(parsePod(stored), contextOf(this.#bindings)).outcome === 'untouched') this.pod = stored;
  }

  step(step: Step): void {
    const before = this.pod;
    if (before === undefined) return;
    if (step.kind === 'label') {
      const stored = { ...before, metadata: step.metadata };
      if (checkUpdate(parsePod(stored), parsePod(before), contextOf(this.#bindings)).outcome === 'untouched')
        this.pod = stored;
      return;
    }
    const old = ((before['spec'] as Json)['ephemeralContainers'] ?? []) as Json[];
    const added = step.added.map((container, i) => ({ ...container, name: `e${old.length + i}` }));
    const spec = { ...(step.claimed['spec'] as Json), ephemeralContainers: [...old, ...added] };
    const requested = { ...step.claimed, spec };
    const outcome = bindEphemeralContainers(parsePod(requested), parsePod(before), contextOf(this.#bindings));
    if (outcome.outcome === 'refused') return;
    const mutated = outcome.outcome === 'bound' ? applyPatch(requested, outcome.patch) : requested;
    const { ephemeralContainers = [] } = change(mutated, step.late)['spec'] as Json;
    const stored: Json = { ...before, spec: { ...(before['spec'] as Json), ephemeralContainers } };
    if (JSON.stringify((ephemeralContainers as Json[]).slice(0, old.length)) !== JSON.stringify(old)) return; // immutable
    const checked = checkEphemeralContainers(parsePod(stored), parsePod(before), contextOf(this.#bindings));
    if (checked.outcome === 'untouched') this.pod = stored;
  }

  #keep(pod: Json): Json {
    const spec = { ...(pod['spec'] as Json) };
    if (!this.#knowsOs) delete spec['os'];
    return { ...pod, spec };
  }
}

/** Whether a binding selects a pod, for the selectors of this test. */
const selects = ({ podSelector }: Binding, pod: Json): boolean => {
  const labels = ((pod['metadata'] as Json)['labels'] ?? {}) as Json;
  return Object.entries(podSelector.matchLabels ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
};

/** Fails for a container that may run on Linux without one of the artifacts. */
function assertBound(pod: Json, bindings: readonly Binding[]): number {
  const spec = pod['spec'] as Json;
  if ((spec['nodeSelector'] as Json | undefined)?.['kubernetes.io/os'] === 'windows') return 0;
  const containers = ['initContainers', 'containers', 'ephemeralContainers'].flatMap(
    (list) => (spec[list] ?? []) as Json[],
  );
  for (const container of containers) {
    const context = (container['securityContext'] ?? {}) as Json;
    const { type, localhostProfile = '' } = (context['seccompProfile'] ?? {}) as Json;
    assert.notEqual(context['privileged'], true);
    assert.equal(type, 'Localhost', JSON.stringify(pod));
    assert.ok(
      bindings.some(
        ({ source }) =>
          source.from === 'reference' && (localhostProfile as string).split('?')[0] === `oci/${source.reference}`,
      ),
      JSON.stringify(pod),
    );
  }
  return containers.length;
}

describe('admission', () => {
  it('stores no container of a bound pod without its binding, whatever requests and other webhooks do', () => {
    const seen = { containers: 0, ephemeral: 0, relabelled: 0, late: 0 };
    fc.assert(
      fc.property(
        arbitraryPods,
        arbitraryBindings,
        arbitraryLate(['containers', 'initContainers', 'ephemeralContainers']),
        steps,
        fc.boolean(),
        (requested, bindings, late, requests, knowsOs) => {
          const server = new Server(bindings, knowsOs);
          server.create(requested, late);
          const created = server.pod;
          if (created === undefined) return;
          if (late !== null) seen.late++;
          const deciding = (pod: Json) => {
            const selected = bindings.filter((binding) => selects(binding, pod));
            const byLabels = selected.filter(
              ({ podSelector }) => Object.keys(podSelector.matchLabels ?? {}).length > 0,
            );
            return byLabels.length > 0 ? byLabels : selected;
          };
          const ever = new Set(deciding(created));
          if (ever.size > 0) seen.containers += assertBound(created, [...ever]);
          for (const request of requests) {
            const before = server.pod;
            server.step(request);
            const { pod } = server;
            assert.ok(pod !== undefined);
            if (pod !== before && request.kind === 'label') seen.relabelled++;
            if (pod !== before && request.kind === 'debug') seen.ephemeral++;
            // What comes to select it and is the most specific holds for all of it.
            const now = deciding(pod);
            if (now.some((binding) => !selects(binding, before as Json))) seen.containers += assertBound(pod, now);
            for (const binding of now) ever.add(binding);
            // Created bound, it stays bound, whatever becomes of its labels.
            if (ever.size > 0) seen.containers += assertBound(pod, [...ever]);
          }
        },
      ),
      { numRuns: 6000 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: hardly tried: ${count}`);
  });
});
