import type { FairleadError } from '#lib/errors';
import { renderDiffText } from '#lib/profile/render-diff';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { comparedName } from '#services/push/compare-with-held';
import type { Comparison, PublicationPlan, Published, PublishRequest, TagChange } from '#services/push/publication';
import type { PublicationOutcome } from '#services/push/publish-many';
import { notCompared } from '#services/push/refused-publication';
import { layoutFlag } from '../terminal/hints.ts';
import { oneLine } from '../terminal/output.ts';
import { type Publication, planOf, type SignedOutcome } from './describe-outcome.ts';
import type { RequestedProfile } from './requested-profile.ts';

/**
 * Returns the outcome of a single profile that was published or planned, as lines for people.
 *
 * @param ociLayout the directory that is used instead of a registry.
 */
export function singleText(
  outcome: SignedOutcome,
  { request }: RequestedProfile,
  ociLayout: string | undefined,
): string {
  const plan = planOf(outcome);
  if (plan === undefined) return '';
  const { subject } = request;
  const published: Partial<Published> = 'published' in outcome ? outcome.published : {};
  const { signature, provenance, verification } = published;
  const isRefused = outcome.status === 'refused';
  const reference = formatReference(plan.reference);
  const layout = layoutFlag(ociLayout);
  const untagged =
    subject === undefined
      ? `none; to add one: fairlead tag ${reference} TAG${layout}`
      : `none; found by its image: fairlead find ${formatReference({ ...plan.reference, digest: subject })}${layout}`;
  return [
    ...findingLines(plan),
    `${outcome.status.padEnd(10)} ${isRefused ? formatRepository(plan.reference) : reference}`,
    ...(isRefused ? refusedTag(plan) : [`tag        ${plan.tags.map(tagText).join(', ') || untagged}`]),
    `kind       ${plan.profile.kind}`,
    ...(isRefused ? [] : [`digest     ${plan.reference.digest}`]),
    ...('published' in outcome
      ? [
          `signature  ${signature ?? 'none added; unless the digest is signed already, only a rule with "unsigned: true" allows it'}${published.alreadySigned ? ' (already signed, none added)' : ''}`,
        ]
      : []),
    ...(outcome.signer === undefined ? [] : [`signer     ${outcome.signer}`]),
    ...(provenance === undefined
      ? []
      : [`provenance ${provenance}${published.alreadyAttested ? ' (already attested, none added)' : ''}`]),
    ...(verification === undefined ? [] : [`rule       ${verification.rule}`]),
    ...comparisonLines(plan, request),
  ].join('\n');
}

/**
 * Returns the outcomes of several profiles: a line for each, findings and differences of those that
 * changed, and the totals.
 */
export function manyText(publications: readonly Publication[]): string {
  const outcomes = publications.map(({ outcome }) => outcome);
  const width = Math.max(...outcomes.map(({ name }) => name.length));
  const lines = outcomes.map(
    (outcome) => `${outcome.status.padEnd(10)} ${oneLine(outcome.name).padEnd(width)}  ${resultText(outcome)}`,
  );
  const differences = publications.flatMap(({ outcome, profile: { request } }) => {
    const plan = outcome.status === 'unchanged' ? undefined : planOf(outcome);
    const shown = plan === undefined ? [] : [...findingLines(plan), ...comparisonLines(plan, request)];
    return shown.length === 0 ? [] : ['', `${oneLine(outcome.name)}:`, ...shown.map((line) => `  ${line}`)];
  });
  return [...lines, ...differences, '', totals(outcomes)].join('\n');
}

/** Returns one line on a profile that is done, to be shown while others are published. */
export function progressText(outcome: PublicationOutcome, done: number, all: number): string {
  return oneLine(`${String(done).padStart(String(all).length)}/${all} ${outcome.name}: ${outcome.status}`);
}

/**
 * Returns how many profiles have which outcome, and who signed: `2 published, 28 unchanged;
 * signer: key …`.
 *
 * @param shown how the name of a signer is written.
 */
export function totals(
  outcomes: readonly SignedOutcome[],
  shown: (signer: string) => string = (signer) => signer,
): string {
  const counts = countOutcomes(outcomes);
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  const signers = new Set(outcomes.flatMap(({ signer }) => signer ?? []));
  const by = signers.size === 0 ? '' : `; signer: ${[...signers].map(shown).join(', ')}`;
  return `${some.map(([status, count]) => `${count} ${status}`).join(', ')}${by}`;
}

/** Counts profiles by outcome. */
export function countOutcomes(outcomes: readonly PublicationOutcome[]): Record<PublicationOutcome['status'], number> {
  const counts = { published: 0, unchanged: 0, planned: 0, refused: 0, failed: 0 };
  for (const { status } of outcomes) counts[status]++;
  return counts;
}

function resultText(outcome: SignedOutcome): string {
  if ('error' in outcome) return oneLine(errorText(outcome.error));
  const plan = planOf(outcome);
  if (plan === undefined) return '';
  return `${formatReference(plan.reference)}  ${plan.tags.map(tagText).join(', ')}`;
}

function tagText({ tag, change, newer }: TagChange): string {
  if (change === 'kept') return `${tag} (kept for ${newer})`;
  if (change !== 'moved') return tag;
  return newer === undefined ? `${tag} (moved)` : `${tag} (moved back from ${newer})`;
}

function refusedTag({ tags }: PublicationPlan): readonly string[] {
  return tags.length === 0 ? [] : [`tag        ${tags.map(({ tag }) => tag).join(', ')} (not changed)`];
}

/** Returns the message of an error with its details, for one line. */
export function errorText({ summary, details = [] }: FairleadError): string {
  return [summary, ...details].join(' ');
}

function findingLines({ findings }: PublicationPlan): readonly string[] {
  return findings.map(({ severity, message, code, pointer }) => `${severity}: ${message} (${code}, ${pointer || '/'})`);
}

function comparisonLines(plan: PublicationPlan, request: PublishRequest): readonly string[] {
  const why = notCompared(plan, request);
  return [
    ...plan.comparisons.flatMap(linesOfComparison),
    ...(why === undefined ? [] : [`compared   with nothing: ${why}`]),
  ];
}

function linesOfComparison(comparison: Comparison): readonly string[] {
  const name = comparedName(comparison);
  if ('problem' in comparison) return [`compared   not with ${name}: ${oneLine(comparison.problem)}`];
  const lines = renderDiffText(comparison.diff).trimEnd().split('\n');
  return [`compared   with ${name}, ${comparison.reference.digest}`, ...lines.map((line) => `  ${line}`)];
}
