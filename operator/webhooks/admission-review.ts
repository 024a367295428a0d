import * as v from 'valibot';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import { apiServerBytes } from '#lib/kube/json-size';
import { hasFewValues } from '#lib/text/few-values';
import { withNextStep } from '#lib/text/sentence';
import { describeIssue } from '../api/describe-issue.ts';
import type { BindOutcome } from '../bind/bind.ts';
import type { CheckOutcome } from '../bind/check.ts';
import { fewNames } from '../bind/judge.ts';
import type { Reported } from '../coverage/enforce.ts';

/** Names of all kinds have at most 253 characters in Kubernetes. */
const name = v.pipe(v.string(), v.maxLength(253));

/** A DNS label (RFC 1123). It becomes a segment of the path of the bindings. */
const namespaceName = v.pipe(v.string(), v.regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/));

const requestSchema = v.object({
  uid: v.pipe(name, v.minLength(1)),
  kind: v.object({ group: name, version: name, kind: name }),
  resource: v.object({ group: name, version: name, resource: name }),
  subResource: v.optional(name, ''),
  operation: v.picklist(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  object: v.optional(v.unknown()),
  oldObject: v.optional(v.unknown()),
});

const review = <T extends v.GenericSchema>(request: T) =>
  v.object({ apiVersion: v.literal('admission.k8s.io/v1'), kind: v.literal('AdmissionReview'), request });
const reviewSchemas = {
  Cluster: review(requestSchema),
  Namespaced: review(v.object({ ...requestSchema.entries, namespace: namespaceName })),
  Any: review(
    v.object({ ...requestSchema.entries, namespace: v.optional(v.union([v.literal(''), namespaceName]), '') }),
  ),
};

/** An object of a request, or the reason why it is invalid. */
export type Reviewed<T> = T | FairleadError;

/**
 * A request of the API server (admission.k8s.io/v1 AdmissionRequest). Only the parts of its objects
 * that decide are kept, because a request waits for the bindings, and others meanwhile.
 */
export interface AdmissionRequest<T> extends Omit<v.InferOutput<typeof requestSchema>, 'object' | 'oldObject'> {
  readonly object: Reviewed<T>;
  readonly oldObject: Reviewed<T>;
  /**
   * The name of the object in messages. That of a pod that a controller creates has only its
   * beginning.
   */
  readonly name: string | undefined;
  /** The namespace of the object, or empty. */
  readonly namespace: string;
  /**
   * Bytes of the object and of what it replaces, as JSON and without their status. At most the
   * bytes of a small review.
   */
  readonly bytes: { readonly object: number; readonly oldObject: number };
}

/** The answer (admission.k8s.io/v1 AdmissionReview). */
export interface AdmissionAnswer {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
    readonly patchType?: 'JSONPatch';
    readonly patch?: string;
    readonly auditAnnotations?: Readonly<Record<string, string>>;
    /** What clients show to the author (Kubernetes 1.19 and newer). */
    readonly warnings?: readonly string[];
  };
}

/**
 * Most JSON values in a review: about ten times as many as in the largest pods, and about 10 MiB
 * after parsing.
 */
const maxValues = 200_000;

/** The sizes of the objects are not determined for smaller reviews. */
const smallBytes = 128 * 1024;

/** How the objects of a webhook are parsed. */
export interface ObjectReader<T> {
  /** Whether the objects are in namespaces; `Any` if some are. */
  readonly scope: 'Namespaced' | 'Cluster' | 'Any';
  /** Parses an object. Throws InvalidInput if it is invalid. */
  readonly parse: (object: unknown) => T;
}

/**
 * Reads the body of an admission call about objects of a kind. Throws LimitExceeded for more than
 * 200,000 values, before it is parsed, and InvalidInput that names the invalid field.
 */
export function parseAdmissionReview<T>(body: Uint8Array, { scope, parse }: ObjectReader<T>): AdmissionRequest<T> {
  if (!hasFewValues(body, maxValues)) {
    throw new FairleadError('LimitExceeded', `the review has more than ${maxValues} values`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the review is not valid JSON', { cause });
  }
  const parsed = v.safeParse(reviewSchemas[scope], value, { abortEarly: true });
  if (!parsed.success) {
    const issue = describeIssue(parsed.issues[0], 'the body');
    throw new FairleadError('InvalidInput', `invalid AdmissionReview of admission.k8s.io/v1: ${issue}`);
  }
  const { object, oldObject, ...request } = parsed.output.request;
  return {
    namespace: '',
    ...request,
    object: reviewed(object, parse),
    oldObject: reviewed(oldObject, parse),
    name: nameOf(object),
    bytes:
      body.length > smallBytes
        ? { object: bytesWithoutStatus(object), oldObject: bytesWithoutStatus(oldObject) }
        : { object: body.length, oldObject: body.length },
  };
}

/** A request to create has no old object, and one to delete no new one. */
const absent = new FairleadError('InvalidInput', 'the review does not have this object');

function reviewed<T>(object: unknown, parse: (object: unknown) => T): Reviewed<T> {
  if (object === undefined || object === null) return absent;
  try {
    return parse(object);
  } catch (thrown) {
    return toFairleadError(thrown);
  }
}

function bytesWithoutStatus(object: unknown): number {
  return apiServerBytes(typeof object === 'object' && object !== null ? { ...object, status: undefined } : object);
}

function nameOf(object: unknown): string | undefined {
  const named = v.safeParse(v.object({ metadata: v.object({ name }) }), object);
  if (named.success) return named.output.metadata.name;
  const generated = v.safeParse(v.object({ metadata: v.object({ generateName: name }) }), object);
  return generated.success ? `${generated.output.metadata.generateName}…` : undefined;
}

/**
 * Returns the answer for an outcome. The audit annotations are in the audit log of the API server,
 * which authors of pods cannot change.
 */
export function answerOutcome(uid: string, outcome: BindOutcome | CheckOutcome | Reported): AdmissionAnswer {
  switch (outcome.outcome) {
    case 'untouched':
      return answer({ uid, allowed: true });
    case 'reported':
      return answer({
        uid,
        allowed: true,
        ...(outcome.warning !== undefined && { warnings: [outcome.warning] }),
        auditAnnotations: { uncovered: outcome.report },
      });
    case 'bound':
      return answer({
        uid,
        allowed: true,
        ...(outcome.patch.length === 0
          ? {}
          : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(outcome.patch)).toString('base64') }),
        auditAnnotations: {
          'bound-by': fewNames(outcome.bindings).join(','),
          'localhost-profile': fewNames(outcome.localhostProfiles).join(','),
        },
      });
    case 'refused':
      return answer({
        uid,
        allowed: false,
        status: {
          // Without Retry-After: with it, controllers would wait within the call.
          ...(outcome.isTemporary ? { code: 503, reason: 'ServiceUnavailable' } : { code: 403, reason: 'Forbidden' }),
          message: withNextStep(outcome.reason, outcome.hint),
        },
      });
  }
}

/**
 * Returns the answer for an object that could not be judged, and is therefore not admitted. Its
 * author is not at fault, so that the code is 500 or more, which controllers retry.
 */
export function answerError(uid: string, error: FairleadError): AdmissionAnswer {
  const { http } = errorMapping[error.kind];
  const hint = error.hint === undefined ? '' : `. ${error.hint}`;
  return answer({
    uid,
    allowed: false,
    status: {
      code: Math.max(http, 500),
      reason: http === 503 ? 'ServiceUnavailable' : 'InternalError',
      message: `fairlead operator: ${error.message}${hint}`,
    },
  });
}

function answer(response: AdmissionAnswer['response']): AdmissionAnswer {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}
