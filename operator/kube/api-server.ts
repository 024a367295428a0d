import { KubeClient, type RequestMetrics } from '#lib/kube/client';

/**
 * Well below the webhook's timeoutSeconds (5), so that the pod's author reads our message and not
 * "context deadline exceeded".
 */
const answerWithin = 3000;

/**
 * Opens the API server as the operator asks it, by default as the ServiceAccount of its pod. Throws
 * InvalidInput if the kubeconfig cannot be used.
 */
export function openApiServer(kubeconfig: string | undefined, metrics?: RequestMetrics): Promise<KubeClient> {
  return KubeClient.open({
    kubeconfig,
    metrics,
    answerWithin,
    hints: {
      unauthenticated: 'Check the credentials of the kubeconfig or ServiceAccount.',
      unauthorized: 'Apply deploy/operator/rbac.yaml.',
      unserved: 'Apply the CustomResourceDefinitions: fairlead operator manifests --crds.',
      busy: 'Try again later. If the error persists, find out which clients overload the API server (API Priority and Fairness).',
      unanswered: 'Check that the API server runs, and that nothing between it and the operator holds up requests.',
    },
  });
}
