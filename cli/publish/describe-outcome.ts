import type { FairleadError } from '#lib/errors';
import type { ProfileDiff } from '#lib/profile/change';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';
import type { Comparison, PublicationPlan, Published } from '#services/push/publication';
import type { PublicationOutcome } from '#services/push/publish-many';
import { loosens, notCompared } from '#services/push/refused-publication';
import type { Document } from '../documents/documents.ts';
import { withFlags } from '../terminal/hints.ts';
import type { RequestedProfile } from './requested-profile.ts';

/** The JSON document of one profile. */
export type PublicationDocument = Extract<Document<'push'>, { readonly status: unknown }>;

/** An outcome with who signed, if that is known, as `key FINGERPRINT` or an identity. */
export type SignedOutcome = PublicationOutcome & { readonly signer?: string | undefined };

/** A profile that was to be published, and the outcome. */
export interface Publication {
  readonly outcome: SignedOutcome;
  readonly profile: RequestedProfile;
}

/** Returns what was planned for a profile; undefined if it was not even read. */
export function planOf(outcome: PublicationOutcome): PublicationPlan | undefined {
  if ('published' in outcome) return outcome.published;
  if ('plan' in outcome) return outcome.plan;
  return 'plan' in outcome.error ? outcome.error.plan : undefined;
}

/**
 * Returns what is in the registry for a profile, or will be after a dry run; undefined if it was
 * refused or failed.
 */
export function publishedReference(outcome: PublicationOutcome): PinnedReference | undefined {
  return 'error' in outcome ? undefined : planOf(outcome)?.reference;
}

/** Returns the outcome of a profile as JSON. */
export function outcomeDocument(outcome: SignedOutcome, { file, request }: RequestedProfile): PublicationDocument {
  const plan = planOf(outcome);
  const published: Partial<Published> = 'published' in outcome ? outcome.published : {};
  const error = 'error' in outcome ? outcome.error : undefined;
  const reference = publishedReference(outcome);
  return {
    name: outcome.name,
    source: file,
    status: outcome.status,
    reference: reference === undefined ? null : formatReference(reference),
    tag: plan?.tags[0]?.tag ?? null,
    tags:
      plan?.tags.map(({ tag, change, holds, newer }) => ({
        tag,
        change: reference === undefined ? 'none' : change,
        held: holds ?? null,
        newer: newer ?? null,
      })) ?? [],
    digest: reference?.digest ?? null,
    kind: plan?.profile.kind ?? null,
    loosened: plan === undefined ? null : (loosens(plan) ?? null),
    comparisons: plan?.comparisons.map(comparisonDocument) ?? [],
    notCompared: plan === undefined ? null : (notCompared(plan, request) ?? null),
    signer: outcome.signer ?? null,
    signature: published.signature ?? null,
    alreadySigned: published.alreadySigned ?? false,
    provenance: published.provenance ?? null,
    alreadyAttested: published.alreadyAttested ?? false,
    verification: published.verification ?? null,
    findings: plan?.findings ?? [],
    error: error === undefined ? null : errorDocument(outcome.status, error),
  };
}

/** A refused profile is no error: its exit code is that of a gate, which no kind of error has. */
function errorDocument(status: PublicationOutcome['status'], error: FairleadError): PublicationDocument['error'] {
  const { kind, message, hint } = error;
  return {
    kind: status === 'refused' ? null : kind,
    message,
    hint: hint === undefined ? null : withFlags(hint),
  };
}

function comparisonDocument(comparison: Comparison): PublicationDocument['comparisons'][number] {
  const reference = formatReference(comparison.reference);
  if ('problem' in comparison) return { reference, changes: [], rewritten: [], problem: comparison.problem };
  const { changes, rewritten }: ProfileDiff = comparison.diff;
  return { reference, changes, rewritten, problem: null };
}
