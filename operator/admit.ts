import { FairleadError } from '#lib/errors';
import type { AdmissionRequest } from './admission-review.ts';
import type { ArtifactBinding } from './artifact-binding.ts';
import { type BindOutcome, bindEphemeralContainers, bindPod } from './bind.ts';
import { parsePod } from './pod.ts';

/**
 * Decides on an admission request: the creation of a pod, or ephemeral containers added to one. Throws InvalidInput
 * for anything else, because a webhook that is called for what it does not know was set up wrongly and would let
 * things through, and whatever `list` throws.
 */
export async function admit(
  request: AdmissionRequest,
  list: (namespace: string) => Promise<readonly ArtifactBinding[]>,
): Promise<BindOutcome> {
  const { resource, subResource, operation, namespace, object, oldObject } = request;
  const isPod = resource.group === '' && resource.version === 'v1' && resource.resource === 'pods';
  if (isPod && subResource === '' && operation === 'CREATE') {
    return bindPod(parsePod(object), await list(namespace));
  }
  if (isPod && subResource === 'ephemeralcontainers' && operation === 'UPDATE') {
    return bindEphemeralContainers(parsePod(object), parsePod(oldObject), await list(namespace));
  }
  const what = `${resource.group}/${resource.version} ${resource.resource}${subResource === '' ? '' : `/${subResource}`}`;
  throw new FairleadError(
    'InvalidInput',
    `the webhook is called for ${operation} of ${what}, which it does not judge`,
    {
      hint: 'Apply the MutatingWebhookConfiguration of this version (deploy/operator/webhook.yaml).',
    },
  );
}
