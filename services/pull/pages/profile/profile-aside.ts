import { basename } from 'node:path';
import type { CatalogProfile } from '#lib/catalog/entry';
import { FairleadError } from '#lib/errors';
import { formatReference, parseReference } from '#lib/registry/reference';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { RulePlace, Trust } from '../checks/trust.ts';
import type { Fact } from '../components/facts.ts';
import { type Html, html } from '../components/html.ts';
import { publisher, reason } from '../components/publisher.ts';
import { verificationPanel } from '../components/verification-panel.ts';
import { count, day, moment } from '../components/words.ts';
import { imagePath, profilePath, withQuery } from '../site/addresses.ts';
import type { ProfileView } from './profile-view.ts';

/** Returns the panel with the result of this site's verification. */
export function trustPanel({ trust, address, digest, named, kind }: ProfileView): Html {
  const version = digest === undefined ? { tag: named } : { digest };
  const steps = withQuery('/why', { reference: formatReference({ ...address, ...version }), kind });
  return verificationPanel({ outcome: trust.state, sentence: sentenceOf(trust), facts: factsOf(trust), steps });
}

function sentenceOf(trust: Trust): Html | string {
  switch (trust.state) {
    case 'verified':
      return html`Meets ${ruleText(trust.rule)} of this site’s policy.`;
    case 'notSigned':
      return html`${capital(ruleText(trust.rule))} of this site’s policy requires no signature.`;
    case 'refused':
      return reason(trust.why);
    case 'notChecked':
      return trust.last === undefined
        ? html`${reason(trust.why)} This site has not verified it. What is shown is from the catalog.`
        : html`${reason(trust.why)} What is shown was verified before: ${moment(trust.last)}.`;
  }
}

function factsOf(trust: Trust): readonly Fact[] {
  if (trust.state === 'refused') return [];
  if (trust.state === 'notChecked') return [['Last verified', trust.last && moment(trust.last)]];
  const signatures = trust.signatures.flatMap(signatureFacts);
  return [...signatures, ['Checked', html`${moment(trust.time)}, by this site`]];
}

function signatureFacts(signature: HeldSignature): readonly Fact[] {
  const { attestation, format, manifest, logIndexes, signedAt } = signature;
  const signed: Fact =
    signature.certificate === undefined
      ? [
          'Signed by',
          html`key ${publisher(basename(signature.key))}<br><code>${middle(signature.keyFingerprint)}</code>`,
        ]
      : [
          'Signed by',
          html`${publisher(signature.certificate.identity)}, as ${publisher(signature.certificate.issuer)} states`,
        ];
  const what = attestation === undefined ? formatNames[format] : `Attestation ${attestation}`;
  const log =
    logIndexes === undefined
      ? 'Not asked: the rule does not require it'
      : html`${logIndexes.length === 0 ? 'No entry' : html`Entry ${logIndexes.join(', ')}`}${signedAt !== undefined && html`, ${moment(signedAt)}`}`;
  return [
    signed,
    ['Signature', html`${what} <code>${middle(manifest.replace('sha256:', ''))}</code>, of exactly this digest`],
    ['Transparency log', log],
  ];
}

const formatNames: Readonly<Record<HeldSignature['format'], string>> = {
  bundle: 'Sigstore bundle',
  legacy: 'cosign signature',
  'legacy-attestation': 'cosign attestation',
};

/** Returns a hash without its middle, to be recognized, not copied. */
function middle(hash: string): string {
  return `${hash.slice(0, 16)}…${hash.slice(-9)}`;
}

function ruleText(rule: RulePlace | undefined): string {
  if (rule === undefined) return 'the policy';
  return `rule ${rule.number}${rule.line === undefined ? '' : ` (line ${rule.line})`}`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** Returns the list of the images that a profile is for. */
export function imagesList({ images }: ProfileView): Html | false {
  if (images.length === 0) return false;
  const items = images.map(({ image, how }) => html`<li>${imageLink(image)}<br><small>${how}</small></li>`);
  return html`<section class="aside-list" aria-labelledby="images-title"><h2 id="images-title">Made for</h2><ul>${items}</ul></section>`;
}

/** Returns a link to the page of an image; of what is not the name of one, its text. */
function imageLink(image: string): Html {
  const name = publisher(image);
  return isImage(image) ? html`<a href="${imagePath(image)}">${name}</a>` : name;
}

function isImage(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (error instanceof FairleadError) return false;
    throw error;
  }
}

/** Returns the list of other profiles for the same images. */
export function othersList(others: readonly CatalogProfile[]): Html | false {
  if (others.length === 0) return false;
  const items = others.map((profile) => {
    const [{ tags, kind, calls, created }] = profile.versions;
    const figure = calls === undefined ? kind : `${kind}: ${count(calls.allowed)} of ${count(calls.baseline)} calls`;
    return html`<li><a href="${profilePath(profile)}">${publisher(profile.name)} ${publisher(tags[0] ?? '')}</a><br><small>${figure}${
      created !== undefined && html`, ${day(created)}`
    }</small></li>`;
  });
  return html`<section class="aside-list" aria-labelledby="others-title"><h2 id="others-title">Other profiles for the same image</h2><ul>${items}</ul></section>`;
}
