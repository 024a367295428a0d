import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { describeIssue } from '../api/describe-issue.ts';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import { type JsonPart, jsonMembers } from './json-members.ts';

const name = v.pipe(v.string(), v.maxLength(253));

/** What is parsed of a review at once: everything but the objects. */
const envelopeSchema = v.object({
  apiVersion: v.literal('admission.k8s.io/v1'),
  kind: v.literal('AdmissionReview'),
  request: v.object({
    uid: v.pipe(name, v.minLength(1)),
    kind: v.object({ group: name, version: name, kind: name }),
    resource: v.object({ group: name, version: name, resource: name }),
    subResource: v.optional(name, ''),
    name: v.optional(name, ''),
    namespace: v.optional(name, ''),
    operation: v.picklist(['CREATE', 'UPDATE']),
  }),
});

/** The API versions whose objects are validated. */
const versions: ReadonlySet<string> = new Set([`${profilesGroup}/v1`, `${fairleadGroup}/v1alpha1`]);

/** A request to store an object of these versions (admission.k8s.io/v1 AdmissionRequest). */
export interface ProfileReview {
  readonly uid: string;
  readonly kind: string;
  /** Empty for one that the API server has still to name. */
  readonly name: string;
  readonly namespace: string;
  /**
   * Set for an update that leaves the specification as it is, or of an object that is being
   * deleted: finalizers, labels, owners. These are always allowed, however invalid the object is,
   * or it could never be deleted.
   */
  readonly isHarmless: boolean;
  /** The object as JSON, and the one that it replaces. */
  readonly object: Uint8Array;
  readonly oldObject: Uint8Array | undefined;
}

/**
 * Reads the body of an admission call, except its objects: two objects of a megabyte are compared
 * by their text. An API server writes equal specifications equally.
 *
 * @throws FairleadError InvalidInput for what is not a review of these versions.
 */
export function parseProfileReview(body: Uint8Array): ProfileReview {
  const request = jsonMembers(body, { start: 0, end: body.length })?.get('request');
  const members = request && jsonMembers(body, request);
  if (members === undefined) throw new FairleadError('InvalidInput', 'the review is not valid JSON, or has no request');
  const [object, oldObject] = [members.get('object'), members.get('oldObject')];
  const { request: about } = parseEnvelope(body, [object, oldObject]);
  const { uid, kind, subResource, namespace, operation } = about;
  if (!versions.has(`${kind.group}/${kind.version}`) || subResource !== '' || object === undefined) {
    const what = `${operation} of ${about.resource.resource}${subResource === '' ? '' : `/${subResource}`}, ${kind.group}/${kind.version}`;
    throw new FairleadError('InvalidInput', `the webhook is called for ${what}, which it does not support`, {
      hint: 'Apply the webhook configurations of this version (deploy/operator/webhook.yaml).',
    });
  }
  const isUpdate = operation === 'UPDATE' && oldObject !== undefined;
  return {
    uid,
    kind: kind.kind,
    name: about.name,
    namespace,
    isHarmless: isUpdate && (isDeleted(body, object) || haveSameSpec(body, object, oldObject)),
    object: textOf(body, object),
    oldObject: isUpdate ? textOf(body, oldObject) : undefined,
  };
}

function parseEnvelope(
  body: Uint8Array,
  objects: readonly (JsonPart | undefined)[],
): v.InferOutput<typeof envelopeSchema> {
  const cuts = objects.filter((part) => part !== undefined).sort((a, b) => a.start - b.start);
  let [text, from] = ['', 0];
  for (const { start, end } of cuts) {
    text += `${decode(body.subarray(from, start))}null`;
    from = end;
  }
  let value: unknown;
  try {
    value = JSON.parse(text + decode(body.subarray(from)));
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the review is not valid JSON', { cause });
  }
  const parsed = v.safeParse(envelopeSchema, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const issue = describeIssue(parsed.issues[0], 'the body');
  throw new FairleadError('InvalidInput', `invalid AdmissionReview of admission.k8s.io/v1: ${issue}`);
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

function textOf(body: Uint8Array, { start, end }: JsonPart): Uint8Array {
  return body.subarray(start, end);
}

function isDeleted(body: Uint8Array, object: JsonPart): boolean {
  const metadata = jsonMembers(body, object)?.get('metadata');
  const time = metadata && jsonMembers(body, metadata)?.get('deletionTimestamp');
  return time !== undefined && decode(textOf(body, time)) !== 'null';
}

function haveSameSpec(body: Uint8Array, object: JsonPart, oldObject: JsonPart): boolean {
  const [now, before] = [object, oldObject].map((part) => jsonMembers(body, part)?.get('spec'));
  if (now === undefined || before === undefined) return now === before;
  return Buffer.compare(textOf(body, now), textOf(body, before)) === 0;
}
