import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Pod } from '../api/pod.ts';
import { type BindOutcome, bindEphemeralContainers, bindPod } from '../bind/bind.ts';
import type { Binding } from '../bind/binding.ts';
import {
  type CheckOutcome,
  changesBinding,
  checkEphemeralContainers,
  checkPod,
  checkUnseenPod,
  checkUpdate,
} from '../bind/check.ts';
import { type BindingContext, withEphemeralContainers } from '../bind/decide.ts';
import { enforceCoverage, enforceUnseenPod, type Reported } from '../coverage/enforce.ts';
import { foreignName, type Namespace, nameLabel } from '../kube/namespace.ts';
import type { AdmissionRequest, Reviewed } from './admission-review.ts';
import { maxReviewBytes } from './request-limits.ts';

type ReadContext = (namespace: string) => Promise<BindingContext>;

/**
 * Decides on a request before it is complete: the creation of a pod, or ephemeral containers added
 * to one. Throws InvalidInput for anything else, because a webhook that is called for what it does
 * not know was set up wrongly and would let things through, and whatever `read` throws.
 */
export async function mutate(request: AdmissionRequest<Pod>, read: ReadContext): Promise<BindOutcome> {
  const { namespace, object, oldObject } = request;
  switch (subject(request)) {
    case 'CREATE v1 pods':
      if (isTooLarge(request)) return tooLarge(request);
      return bindPod(readable(object), await read(namespace));
    case 'UPDATE v1 pods/ephemeralcontainers':
      if (isUnseen(request)) return checkUnseenPod(await read(namespace));
      return bindEphemeralContainers(readable(object), readable(oldObject), await read(namespace));
    default:
      throw unknownSubject(request);
  }
}

/** The outcome for a pod that is to be stored. */
export type ValidateOutcome = CheckOutcome | Reported;

/**
 * Decides on a request as the API server is about to store it, by the same rules as {@link mutate}:
 * the creation of a pod, an update of one, or of its ephemeral containers. What bindings permit,
 * the label of the namespace may still refuse ({@link enforceCoverage}). Throws as {@link mutate}
 * does.
 */
export async function validate(request: AdmissionRequest<Pod>, read: ReadContext): Promise<ValidateOutcome> {
  const { namespace, object, oldObject } = request;
  switch (subject(request)) {
    case 'CREATE v1 pods': {
      if (isTooLarge(request)) return tooLarge(request);
      const [pod, context] = [readable(object), await read(namespace)];
      return unlessRefused(checkPod(pod, context), () => enforceCoverage(pod, undefined, context));
    }
    case 'UPDATE v1 pods': {
      if (growsTooLarge(request)) return tooLarge(request);
      const [pod, before] = [readable(object), readable(oldObject)];
      // Controllers update pods all the time: labels, finalizers, owners. Few updates are worth a
      // request.
      if (!changesBinding(pod, before))
        return { outcome: 'untouched', reason: 'nothing changes that a binding decides' };
      const context = await read(namespace);
      return unlessRefused(checkUpdate(pod, before, context), () => enforceCoverage(pod, before, context));
    }
    case 'UPDATE v1 pods/ephemeralcontainers': {
      if (isUnseen(request)) {
        const context = await read(namespace);
        return unlessRefused(checkUnseenPod(context), () => enforceUnseenPod(context));
      }
      if (growsTooLarge(request)) return tooLarge(request);
      const [pod, before, context] = [readable(object), readable(oldObject), await read(namespace)];
      return unlessRefused(checkEphemeralContainers(pod, before, context), () =>
        enforceCoverage(withEphemeralContainers(before, pod), before, context),
      );
    }
    default:
      throw unknownSubject(request);
  }
}

/** Returns the outcome, or what else speaks against a pod that it does not refuse. */
function unlessRefused(
  outcome: CheckOutcome,
  enforce: () => Exclude<ValidateOutcome, { outcome: 'untouched' }> | undefined,
): ValidateOutcome {
  return outcome.outcome === 'refused' ? outcome : (enforce() ?? outcome);
}

/**
 * Decides on a binding that is to be stored: it must be valid, because which pods an invalid one
 * would select is not known. A stored one that is invalid may be changed in everything else, for
 * example to delete it.
 */
export function validateBinding(request: AdmissionRequest<Binding>): CheckOutcome {
  const { object, oldObject } = request;
  switch (subject(request)) {
    case 'CREATE fairlead.dev/v1alpha1 artifactbindings':
    case 'CREATE fairlead.dev/v1alpha1 clusterartifactbindings':
      break;
    case 'UPDATE fairlead.dev/v1alpha1 artifactbindings':
    case 'UPDATE fairlead.dev/v1alpha1 clusterartifactbindings':
      if (
        object instanceof FairleadError &&
        oldObject instanceof FairleadError &&
        object.message === oldObject.message
      ) {
        return { outcome: 'untouched', reason: 'its error is unchanged' };
      }
      break;
    default:
      throw unknownSubject(request);
  }
  if (!(object instanceof FairleadError)) return { outcome: 'untouched', reason: 'it is valid' };
  return {
    outcome: 'refused',
    reason: object.message,
    hint: 'Correct it. docs/guides/cluster.md describes the fields.',
  };
}

/**
 * Decides on a namespace that is to be stored: it must not get the name of another in the label by
 * which the webhooks exclude namespaces. One that has such a label already may be changed in
 * everything else, for example to delete it. Throws InvalidInput if it is invalid.
 */
export function validateNamespace(request: AdmissionRequest<Namespace>): CheckOutcome {
  const namespace = readable(request.object);
  const foreign = foreignName(namespace);
  switch (subject(request)) {
    case 'CREATE v1 namespaces':
      break;
    case 'UPDATE v1 namespaces':
    case 'UPDATE v1 namespaces/status':
    case 'UPDATE v1 namespaces/finalize':
      if (foreignName(readable(request.oldObject)) === foreign) {
        return { outcome: 'untouched', reason: 'the name in its label is unchanged' };
      }
      break;
    default:
      throw unknownSubject(request);
  }
  if (foreign === undefined) return { outcome: 'untouched', reason: 'it does not have the name of another' };
  return {
    outcome: 'refused',
    reason: `namespace ${quote(namespace.name)} may not have the name of another in its label ${nameLabel}=${foreign}`,
    hint: `The webhooks exclude namespaces by this label. Remove it, or set ${nameLabel}=${namespace.name}.`,
  };
}

/** Returns the object of a request. Throws InvalidInput if it could not be read. */
function readable<T>(object: Reviewed<T>): T {
  if (object instanceof FairleadError) throw object;
  return object;
}

/**
 * Bytes of a pod as JSON, without its status. A status may be as large, for it repeats the images,
 * and a review of an update holds two pods: one that could not be judged would keep its finalizers
 * for ever.
 */
const maxPodBytes = (maxReviewBytes - 512 * 1024) / 4;

function isTooLarge({ bytes: { object } }: AdmissionRequest<Pod>): boolean {
  return object > maxPodBytes;
}

/**
 * Reports whether an update makes a pod too large. One that is too large already may become
 * smaller.
 */
function growsTooLarge(request: AdmissionRequest<Pod>): boolean {
  return isTooLarge(request) && request.bytes.object > request.bytes.oldObject;
}

function tooLarge({ bytes: { object } }: AdmissionRequest<Pod>): CheckOutcome {
  return {
    outcome: 'refused',
    reason: `the pod is too large: it has ${object} bytes as JSON, at most ${maxPodBytes} are allowed`,
    hint: 'Move large parts, such as scripts in arguments or annotations, to a ConfigMap.',
  };
}

/** Returns the subject of a request, such as `CREATE v1 pods`. */
function subject({ operation, ...what }: AdmissionRequest<unknown>): string {
  return `${operation} ${describeResource(what)}`;
}

function describeResource({
  resource: { group, version, resource },
  subResource,
}: Pick<AdmissionRequest<unknown>, 'resource' | 'subResource'>): string {
  const path = subResource === '' ? resource : `${resource}/${subResource}`;
  return group === '' ? `${version} ${path}` : `${group}/${version} ${path}`;
}

/**
 * Reports whether ephemeral containers come without their pod: API servers before 1.22 have a
 * separate kind for them.
 */
function isUnseen({ kind }: AdmissionRequest<Pod>): boolean {
  return kind.kind === 'EphemeralContainers';
}

function unknownSubject({ operation, ...what }: AdmissionRequest<unknown>): FairleadError {
  return new FairleadError(
    'InvalidInput',
    `the webhook is called for ${operation} of ${describeResource(what)}, which it does not support`,
    {
      hint: 'Apply the webhook configurations of this version (deploy/operator/webhook.yaml).',
    },
  );
}
