import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
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

/** Which cluster a person means, as with kubectl. */
export interface UserCluster {
  /** By default `$KUBECONFIG`, or else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  /** The current context by default. */
  readonly context?: string | undefined;
}

/**
 * Loads the kubeconfig of a person, as kubectl does. Throws InvalidInput if it cannot be read, or
 * has no such context.
 */
export function loadUserKubeConfig(
  { kubeconfig, context }: UserCluster,
  env: Readonly<Record<string, string | undefined>>,
): KubeConfig {
  const config = kubeconfig === undefined ? defaultKubeConfig(env) : loadKubeConfig(kubeconfig);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new FairleadError('InvalidInput', `the kubeconfig has no context ${JSON.stringify(context)}`, {
        hint: `It has: ${known.join(', ')}.`,
      });
    }
    config.setCurrentContext(context);
  }
  return config;
}

function defaultKubeConfig(env: Readonly<Record<string, string | undefined>>): KubeConfig {
  const file = env['KUBECONFIG'] ?? '';
  if (file === '' && !existsSync(join(homedir(), '.kube/config'))) {
    throw new FairleadError('InvalidInput', 'no kubeconfig: neither KUBECONFIG nor ~/.kube/config exists', {
      hint: 'Set `kubeconfig`, or KUBECONFIG.',
    });
  }
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `cannot read the kubeconfig: ${reason}`, { cause });
  }
  return config;
}
