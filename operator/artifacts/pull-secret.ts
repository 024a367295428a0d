import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import type { CredentialSource } from '#lib/registry/credentials/credentials';
import { parseDockerConfig } from '#lib/registry/credentials/find-credentials';
import { withNextStep } from '#lib/text/sentence';
import type { Refusal } from './check.ts';

/** A Secret with credentials for registries. */
export interface PullSecretName {
  readonly namespace: string;
  readonly name: string;
}

export interface PullSecretDependencies {
  readonly client: Pick<ObjectClient, 'get'>;
  /** The namespace of the operator. */
  readonly namespace: string;
}

const secrets: Resource = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };

/** The types of Secrets with credentials for registries, their fields, and how they are read. */
const types = {
  'kubernetes.io/dockerconfigjson': { field: '.dockerconfigjson', configOf: (text: string) => text },
  // The entries only.
  'kubernetes.io/dockercfg': { field: '.dockercfg', configOf: (text: string) => `{"auths":${text}}` },
} as const;

const secretSchema = v.object({
  type: v.picklist(Object.keys(types) as (keyof typeof types)[]),
  data: v.optional(v.record(v.string(), v.string()), {}),
});

/**
 * Reads a pull secret as it is now; nothing of it is kept. Returns why it cannot be used otherwise,
 * with nothing of its content. Throws Unavailable if the API server does not answer.
 */
export async function readPullSecret(
  secret: PullSecretName,
  { client, namespace: operatorNamespace }: PullSecretDependencies,
): Promise<CredentialSource | Refusal> {
  const { namespace, name } = secret;
  const described = `Secret ${namespace}/${name}`;
  const refusal = (reason: string, message: string): Refusal => ({ reason, message, isDecision: false });
  let object: unknown;
  try {
    object = await client.get(secrets, secret);
  } catch (thrown) {
    const kind = thrown instanceof FairleadError ? thrown.kind : undefined;
    if (kind === 'NotFound') {
      return refusal('PullSecretNotFound', `the ${described} does not exist. Create it, or correct spec.pullSecret.`);
    }
    if (kind !== 'NotAllowed') throw thrown;
    const command = `kubectl create rolebinding fairlead-pull-secrets --namespace=${namespace} --clusterrole=fairlead-pull-secrets --serviceaccount=${operatorNamespace}:fairlead-operator`;
    return refusal(
      'PullSecretForbidden',
      `the operator may not read the ${described}. An administrator of the namespace can allow it to read its Secrets: ${command}`,
    );
  }
  const parsed = v.safeParse(secretSchema, object);
  const hint = 'Create it with: kubectl create secret docker-registry.';
  if (!parsed.success) {
    return refusal('PullSecretInvalid', `the ${described} is not of type kubernetes.io/dockerconfigjson. ${hint}`);
  }
  const { field, configOf } = types[parsed.output.type];
  const content = parsed.output.data[field];
  if (content === undefined) return refusal('PullSecretInvalid', `the ${described} has no ${field}. ${hint}`);
  try {
    return parseDockerConfig(configOf(Buffer.from(content, 'base64').toString('utf8')), described);
  } catch (thrown) {
    if (!(thrown instanceof FairleadError)) throw thrown;
    return refusal('PullSecretInvalid', withNextStep(`the ${thrown.summary}`, hint));
  }
}
