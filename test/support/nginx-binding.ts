import type { ArtifactBinding } from '#operator/api/artifactbinding/v1alpha1/artifact-binding';

/**
 * What pods labelled `app: nginx` are bound to in the tests of the operator, and another artifact
 * with the same selector.
 */
export const reference = `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`;
/** The localhostProfile of a bound pod. */
export const profile = `oci/${reference}`;
export const nginx: ArtifactBinding = {
  name: 'nginx',
  reference,
  podSelector: { matchLabels: { app: 'nginx' } },
};
export const other: ArtifactBinding = { ...nginx, name: 'other', reference: reference.replace('nginx', 'other') };
export const metadata = { labels: { app: 'nginx' } };
