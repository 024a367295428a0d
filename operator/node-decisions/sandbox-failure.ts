import * as v from 'valibot';
import { readProfileRefusal } from '#lib/node/reference/profile-refusal';
import { artifactKey } from '../api/profile-reference.ts';
import type { NodeRefusal } from './pod-decisions.ts';

/** An event of a kubelet: a node could not create the sandbox of a pod. */
export interface SandboxFailure {
  /** The UID of the pod. */
  readonly uid: string;
  /** When it has occurred last, in RFC 3339. */
  readonly at: string;
  /** Set if the node refuses an artifact, which `artifact` names. */
  readonly refusal?: NodeRefusal & { readonly artifact: string };
}

/** The reason of these events, by which they are selected. */
export const sandboxFailureReason = 'FailedCreatePodSandBox';

const time = v.nullish(v.string(), '');
const eventSchema = v.object({
  note: v.nullish(v.string(), ''),
  regarding: v.object({ uid: v.nullish(v.string(), '') }),
  eventTime: time,
  deprecatedLastTimestamp: time,
  series: v.nullish(v.object({ lastObservedTime: time })),
});

/** Reads an event (events.k8s.io/v1). Throws valibot's error for anything else. */
export function parseSandboxFailure(object: unknown): SandboxFailure {
  const { note, regarding, eventTime, deprecatedLastTimestamp, series } = v.parse(eventSchema, object);
  const { reference, ...refusal } = readProfileRefusal(note) ?? {};
  return {
    uid: regarding.uid,
    at: series?.lastObservedTime || deprecatedLastTimestamp || eventTime,
    ...(reference !== undefined && { refusal: { ...(refusal as NodeRefusal), artifact: artifactKey(reference) } }),
  };
}
