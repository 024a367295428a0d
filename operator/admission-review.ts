import * as v from 'valibot';
import { errorMapping, FairleadError } from '#lib/errors';
import type { BindOutcome } from './bind.ts';
import type { CheckOutcome } from './check.ts';

const requestSchema = v.object({
  uid: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
  kind: v.object({ group: v.string(), version: v.string(), kind: v.string() }),
  resource: v.object({ group: v.string(), version: v.string(), resource: v.string() }),
  subResource: v.optional(v.string(), ''),
  namespace: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
  operation: v.picklist(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  object: v.optional(v.unknown()),
  oldObject: v.optional(v.unknown()),
});

const reviewSchema = v.object({
  apiVersion: v.literal('admission.k8s.io/v1'),
  kind: v.literal('AdmissionReview'),
  request: requestSchema,
});

/** What the API server asks (admission.k8s.io/v1 AdmissionRequest); the objects in it are not read yet. */
export type AdmissionRequest = v.InferOutput<typeof requestSchema>;

/** What it is answered (admission.k8s.io/v1 AdmissionReview). */
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
  };
}

/** Reads the body of an admission call. Throws InvalidInput that names the field at fault. */
export function parseAdmissionReview(body: unknown): AdmissionRequest {
  const parsed = v.safeParse(reviewSchema, body);
  if (parsed.success) return parsed.output.request;
  const [issue] = parsed.issues;
  throw new FairleadError(
    'InvalidInput',
    `not an AdmissionReview of admission.k8s.io/v1: ${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`,
  );
}

/** Answers with what came of the pod. The audit annotations stand in the API server's audit log, where no pod's author reaches. */
export function answerOutcome(uid: string, outcome: BindOutcome | CheckOutcome): AdmissionAnswer {
  switch (outcome.outcome) {
    case 'untouched':
      return review({ uid, allowed: true });
    case 'bound':
      return review({
        uid,
        allowed: true,
        ...(outcome.patch.length === 0
          ? {}
          : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(outcome.patch)).toString('base64') }),
        auditAnnotations: { 'bound-by': outcome.bindings.join(','), 'localhost-profile': outcome.localhostProfile },
      });
    case 'refused':
      return review({
        uid,
        allowed: false,
        status: { code: 403, reason: 'Forbidden', message: `${outcome.reason}. ${outcome.hint}` },
      });
  }
}

/**
 * Answers that the pod could not be judged, and is therefore not admitted. Nothing of this is the pod author's fault,
 * so the code is of the 500s, which controllers retry.
 */
export function answerError(uid: string, error: FairleadError): AdmissionAnswer {
  const { http } = errorMapping[error.kind];
  const hint = error.hint === undefined ? '' : `. ${error.hint}`;
  return review({
    uid,
    allowed: false,
    status: {
      code: Math.max(http, 500),
      reason: http === 503 ? 'ServiceUnavailable' : 'InternalError',
      message: `fairlead operator: ${error.message}${hint}`,
    },
  });
}

function review(response: AdmissionAnswer['response']): AdmissionAnswer {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}
