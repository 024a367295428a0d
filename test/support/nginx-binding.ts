import type { Binding } from '#operator/bind/binding';
import type { ClusterState } from '#operator/bind/cluster-state';
import type { BindingContext } from '#operator/bind/decide';

/**
 * What pods labelled `app: nginx` are bound to in the tests of the operator, and another artifact
 * with the same selector.
 */
export const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
/** The localhostProfile of a bound pod. */
export const profile = `oci/${reference}`;
export const nginx: Binding = {
  kind: 'ArtifactBinding',
  name: 'nginx',
  podSelector: { matchLabels: { app: 'nginx' } },
  source: { from: 'reference', reference },
  parameters: {},
};
export const otherReference = reference.replace('nginx', 'other');
export const other: Binding = {
  ...nginx,
  name: 'other',
  source: { from: 'reference', reference: otherReference },
};
export const metadata = { labels: { app: 'nginx' } };

/** A cluster in which nothing is known but what is given. */
export function stateOf(known: Partial<ClusterState> = {}): ClusterState {
  return {
    namespaceLabels: () => new Map(),
    artifact: () => undefined,
    imageArtifacts: () => [],
    seccompProfile: () => undefined,
    ...known,
  };
}

/** The context of a pod in the namespace `web`. */
export function contextOf(bindings: readonly Binding[], known?: Partial<ClusterState>): BindingContext {
  return { namespace: 'web', bindings, cluster: stateOf(known) };
}
