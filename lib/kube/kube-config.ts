import { KubeConfig } from '@kubernetes/client-node';
import { FairleadError } from '#lib/errors';

/**
 * Loads a kubeconfig, by default of the ServiceAccount of the pod that we run in. Throws
 * InvalidInput if it cannot be read, or if this is not a pod.
 */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) {
    if (!process.env['KUBERNETES_SERVICE_HOST']) {
      throw new FairleadError('InvalidInput', 'no kubeconfig, and not running in a pod', {
        hint: 'Set `kubeconfig`.',
      });
    }
    config.loadFromCluster();
    return config;
  }
  try {
    config.loadFromFile(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot read the kubeconfig ${file}: ${reason}`, { cause });
  }
  return config;
}
