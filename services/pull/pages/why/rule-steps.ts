import { describeAlternative, type Rule } from '#lib/trust/policy/policy';
import type { HeldSignature } from '#lib/trust/signature/signature';
import { describeRequirement, type Examined, isMet } from '#lib/trust/verify/examined';
import { type Html, html } from '../components/html.ts';
import { icon } from '../components/icon.ts';
import { publisher, reason } from '../components/publisher.ts';
import { differingParts, type MarkedText } from './differing-parts.ts';
import { withoutDirectory } from './explain-why.ts';
import type { WhyAnswer, WhyRule } from './why-view.ts';

/** Rules around the deciding one that are shown one by one; of others the number is stated. */
const shownRules = 60;
/** Signatures of one requirement that are shown. */
const shownSignatures = 20;

/** Returns the rules of a policy as a list, with the outcome of each. */
export function ruleSteps(answer: WhyAnswer, kind: string): Html {
  const { rules, deciding } = answer;
  if (rules.length === 0) return html`<p class="lead">The policy has no rules: everything is denied.</p>`;
  const at = deciding === undefined ? rules.length : deciding;
  const shown = rules.filter(({ number }) => rules.length <= shownRules || Math.abs(number - at) < shownRules / 2);
  const left = rules.length - shown.length;
  return html`${left > 0 && html`<p class="lead">${left} of ${rules.length} rules are not shown.</p>`}<ol class="rules">${shown.map((rule) => step(rule, answer, kind))}</ol>`;
}

function step(rule: WhyRule, answer: WhyAnswer, kind: string): Html {
  const { number, line, outcome } = rule;
  const tone = outcome === 'matches' ? toneOf[answer.outcome] : outcome === 'not asked' ? 'not-asked' : '';
  const words = outcome === 'matches' ? decided[answer.outcome] : notDeciding[outcome];
  return html`<li class="rule ${tone}"><span class="number"><span class="hidden">Rule </span>${number}</span><div class="rule-body"><code>${rule.rule.match}</code><span
class="rule-outcome"><b>${words}</b>${line !== undefined && html`<small>line ${line}</small>`}</span>
${detail(rule, answer, kind)}</div></li>`;
}

const toneOf: Readonly<Record<WhyAnswer['outcome'], string>> = {
  allowed: 'strict',
  refused: 'bad',
  undecided: 'neutral',
};
const decided: Readonly<Record<WhyAnswer['outcome'], string>> = {
  allowed: 'Decides: allowed',
  refused: 'Decides: refused',
  undecided: 'Decides',
};
const notDeciding = {
  'other repository': 'Other repository',
  'other kind': 'Other kind',
  'not asked': 'Not asked',
} as const;

function detail({ rule, outcome }: WhyRule, { repository, examined }: WhyAnswer, kind: string): Html {
  switch (outcome) {
    case 'other repository': {
      const { rule: wanted, asked } = differingParts(rule.match, repository);
      return beside(markedText(wanted), markedText(asked));
    }
    case 'other kind':
      return beside(
        html`${(rule.kinds ?? []).length === 1 ? 'kind' : 'kinds'} <mark>${(rule.kinds ?? []).join(', ')}</mark>`,
        html`kind <mark>${kind}</mark>`,
      );
    case 'not asked':
      return html`<p class="wants">${wants(rule)}</p>`;
    case 'matches':
      return html`<p class="wants">${wants(rule)}</p>${examined.length > 0 && html`<ul class="requirements">${examined.map(requirement)}</ul>`}`;
  }
}

function beside(rule: Html, asked: Html): Html {
  return html`<dl class="beside"><div><dt>rule</dt><dd><code>${rule}</code></dd></div><div><dt>asked</dt><dd><code>${asked}</code></dd></div></dl>`;
}

function markedText({ before, marked, after }: MarkedText): Html {
  return html`${before}<mark>${marked}</mark>${after}`;
}

/** Returns what a rule allows, and what it requires for that. */
function wants({ kinds, unsigned, require, attestations = [] }: Rule): string {
  const what = kinds === undefined ? 'every kind' : kinds.join(', ');
  if (unsigned) return `${what}, unsigned`;
  const signers = require.map(({ anyOf, threshold = 1 }) => {
    const names = anyOf.map((alternative) => withoutDirectory(describeAlternative(alternative))).join(' or ');
    return threshold > 1 ? `${threshold} signers of ${names}` : names;
  });
  const also =
    attestations.length === 0 ? '' : `, with ${attestations.map(({ type }) => `attestation ${type}`).join(', ')}`;
  return `${what}, by ${signers.join(' and ')}${also}`;
}

function requirement(examined: Examined): Html {
  const met = isMet(examined);
  const held = examined.held.slice(0, shownSignatures).map(heldSignature);
  const refused = examined.refused
    .slice(0, shownSignatures)
    .map(
      ({ manifest, format, wanted, reason: why }) =>
        html`<li>${icon('unchecked')}<p>Signature <code>${short(manifest)}</code> (${format}), verified with ${wanted}: ${reason(why)}</p></li>`,
    );
  const none =
    examined.held.length + examined.refused.length === 0 &&
    html`<li>${icon('unchecked')}<p>No signature was found.</p></li>`;
  return html`<li class="requirement ${met ? 'strict' : 'bad'}"><p>${icon(met ? 'verified' : 'refused')}<b>Requires ${describeRequirement(examined)}: ${met ? 'met' : 'not met'}.</b></p>
<ul>${held}${refused}${none}</ul></li>`;
}

function heldSignature(signature: HeldSignature): Html {
  const signer =
    signature.key === undefined
      ? html`${publisher(signature.certificate.identity)} (issuer ${publisher(signature.certificate.issuer)})`
      : html`key ${publisher(signature.key)}`;
  return html`<li class="strict">${icon('verified')}<p>Signature <code>${short(signature.manifest)}</code> (${signature.format}), by ${signer}.</p></li>`;
}

function short(digest: string): string {
  return `${digest.slice(0, 20)}…${digest.slice(-9)}`;
}
