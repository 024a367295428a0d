import { FairleadError } from '#lib/errors';
import type { AdmissionRequest, ReviewedPod } from './admission-review.ts';
import type { ArtifactBinding } from './artifact-binding.ts';
import { type BindOutcome, bindEphemeralContainers, bindPod } from './bind.ts';
import {
  type CheckOutcome,
  changesBinding,
  checkEphemeralContainers,
  checkPod,
  checkUnseenPod,
  checkUpdate,
} from './check.ts';
import type { Pod } from './pod.ts';
import { maxReviewBytes } from './request-limits.ts';

type ListBindings = (namespace: string) => Promise<readonly ArtifactBinding[]>;

/**
 * Decides on a request before it is complete: the creation of a pod, or ephemeral containers added to one. Throws
 * InvalidInput for anything else, because a webhook that is called for what it does not know was set up wrongly and
 * would let things through, and whatever `list` throws.
 */
export async function mutate(request: AdmissionRequest, list: ListBindings): Promise<BindOutcome> {
  const { namespace, object, oldObject } = request;
  switch (subject(request)) {
    case 'CREATE pods':
      if (isTooLarge(request)) return tooLarge(request);
      return bindPod(podOf(object), await list(namespace));
    case 'UPDATE pods/ephemeralcontainers':
      if (isUnseen(request)) return checkUnseenPod(await list(namespace));
      return bindEphemeralContainers(podOf(object), podOf(oldObject), await list(namespace));
    default:
      throw unknownSubject(request);
  }
}

/**
 * Decides on a request as the API server is about to store it, by the same rules as {@link mutate}: the creation of a
 * pod, an update of one, or of its ephemeral containers. Throws as {@link mutate} does.
 */
export async function validate(request: AdmissionRequest, list: ListBindings): Promise<CheckOutcome> {
  const { namespace, object, oldObject } = request;
  switch (subject(request)) {
    case 'CREATE pods':
      if (isTooLarge(request)) return tooLarge(request);
      return checkPod(podOf(object), await list(namespace));
    case 'UPDATE pods': {
      const [pod, before] = [podOf(object), podOf(oldObject)];
      // Controllers update pods all the time: labels, finalizers, owners. Few updates are worth a request.
      if (!changesBinding(pod, before))
        return { outcome: 'untouched', reason: 'nothing changes that a binding decides' };
      return checkUpdate(pod, before, await list(namespace));
    }
    case 'UPDATE pods/ephemeralcontainers':
      if (isUnseen(request)) return checkUnseenPod(await list(namespace));
      return checkEphemeralContainers(podOf(object), podOf(oldObject), await list(namespace));
    default:
      throw unknownSubject(request);
  }
}

/** Returns the pod of a request. Throws InvalidInput if the object is not one. */
function podOf(object: ReviewedPod): Pod {
  if (object instanceof FairleadError) throw object;
  return object;
}

/** A review of an update holds two objects. A pod of which none could be judged would keep its finalizers for ever. */
const maxCreationBytes = (maxReviewBytes - 512 * 1024) / 2;

function isTooLarge({ bytes }: AdmissionRequest): boolean {
  return bytes > maxCreationBytes;
}

function tooLarge({ bytes }: AdmissionRequest): CheckOutcome {
  return {
    outcome: 'refused',
    reason: `the pod is too large: its review has ${bytes} bytes, and may have ${maxCreationBytes}`,
    hint: 'Move what is large, such as scripts in arguments or annotations, to a ConfigMap.',
  };
}

/** What a request is about, such as `CREATE pods`; nothing for what is not a pod. */
function subject({ operation, resource: { group, version, resource }, subResource }: AdmissionRequest): string {
  if (group !== '' || version !== 'v1') return '';
  return `${operation} ${resource}${subResource === '' ? '' : `/${subResource}`}`;
}

/** Whether ephemeral containers come without their pod: API servers before 1.22 have a kind of its own for them. */
function isUnseen({ kind }: AdmissionRequest): boolean {
  return kind.kind === 'EphemeralContainers';
}

function unknownSubject({ operation, resource, subResource }: AdmissionRequest): FairleadError {
  const what = `${resource.group}/${resource.version} ${resource.resource}${subResource === '' ? '' : `/${subResource}`}`;
  return new FairleadError(
    'InvalidInput',
    `the webhook is called for ${operation} of ${what}, which it does not judge`,
    {
      hint: 'Apply the webhook configurations of this version (deploy/operator/webhook.yaml).',
    },
  );
}
