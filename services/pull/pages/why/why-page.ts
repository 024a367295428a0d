import { errorMapping } from '#lib/errors';
import { describeRequirement, isMet } from '#lib/trust/verify/examined';
import { copyBlock } from '../components/copy-block.ts';
import { facts } from '../components/facts.ts';
import { flag, type Html, html } from '../components/html.ts';
import { icon } from '../components/icon.ts';
import { reason } from '../components/publisher.ts';
import { counted } from '../components/words.ts';
import { layout } from '../site/layout.ts';
import type { Site } from '../site/site.ts';
import { remediesFor } from './remedies.ts';
import { ruleSteps } from './rule-steps.ts';
import type { WhyAnswer, WhyView } from './why-view.ts';

/** Returns the page that explains a decision of the policy, rule by rule. */
export function whyPage(site: Site, view: WhyView): Html {
  const { reference, problem, answer } = view;
  const invalid = problem !== undefined && outcome('bad', 'refused', 'This is not a reference', reason(problem));
  const main = html`<h1>Why is this refused?</h1>
<p class="lead">Asks this site’s policy about a reference, rule by rule, as a node with the same policy would.</p>
${form(view)}${invalid}${answer !== undefined && explained(view, answer)}`;
  return layout(site, { title: reference === '' ? 'Why is this refused?' : `Why: ${reference}`, section: 'why' }, main);
}

function form({ reference, kind, problem }: WhyView): Html {
  const kinds = (['Seccomp', 'AppArmor'] as const).map(
    (each) => html`<option${flag('selected', each === kind)}>${each}</option>`,
  );
  const invalid = problem !== undefined && html` aria-invalid="true"`;
  return html`<form class="fields why" action="/why"><label class="wide-field"><span>Reference</span><input class="mono" name="reference" value="${reference}" required
maxlength="512" placeholder="registry.example.com/security/nginx:1.27"${invalid}></label><label><span>Kind</span><select name="kind">${kinds}</select></label><button
class="primary">Explain</button></form>`;
}

type OutcomeTone = 'strict' | 'bad' | 'neutral';

function outcome(
  tone: OutcomeTone,
  name: 'verified' | 'refused' | 'unchecked',
  title: string,
  sentence: string | Html,
): Html {
  return html`<section class="outcome ${tone}" aria-labelledby="outcome-title">${icon(name)}<div><h2 id="outcome-title">${title}</h2><p>${sentence}</p></div></section>`;
}

function explained({ kind }: WhyView, answer: WhyAnswer): Html {
  const looks = {
    allowed: ['strict', 'verified'],
    refused: ['bad', 'refused'],
    undecided: ['neutral', 'unchecked'],
  } as const;
  const [tone, name] = looks[answer.outcome];
  const remedies = remediesFor(answer, kind).map(
    ({ title, text, where, place }) =>
      html`<h3>${title}</h3>${copyBlock({ title: where, text, ...(place !== undefined && { when: place }) })}`,
  );
  const change =
    remedies.length > 0 &&
    html`<section class="block remedies" aria-labelledby="change-title"><h2 id="change-title">What would change the answer</h2>
<p class="lead">For the publisher, or for the owner of the policy. Nothing on this page changes either.</p>${remedies}</section>`;
  return html`${outcome(tone, name, titleOf(answer, kind), sentenceOf(answer, kind))}
<div class="with-aside why-body"><div><section aria-labelledby="policy-title"><h2 id="policy-title">The policy, in order</h2>
<p class="lead">The first rule that matches the repository and the kind decides. Later rules are not asked.</p>${ruleSteps(answer, kind)}</section>${change}</div>
<aside>${asked(answer)}</aside></div>`;
}

function foundText(found: number | undefined): string | undefined {
  if (found === 0) return 'no signature or attestation';
  return found === undefined ? undefined : counted(found, 'signature or attestation', 'signatures and attestations');
}

function titleOf({ outcome: ended, deciding, refusal, rules }: WhyAnswer, kind: string): string {
  const rule = `rule ${deciding}`;
  if (ended === 'allowed') {
    const isUnsigned = rules.some(({ number, rule: each }) => number === deciding && each.unsigned);
    return isUnsigned ? `Allowed: ${rule} requires no signature` : `Allowed: its signatures meet ${rule}`;
  }
  if (refusal === undefined) return `Allowed, if its signatures meet ${rule}`;
  switch (refusal.kind) {
    case 'NotAllowed':
      return `Refused: no rule matches`;
    case 'SignatureInvalid':
      return `Refused: no signature meets ${rule}`;
    case 'ProfileInvalid':
      return `Refused: it is not a valid ${kind} profile`;
    case 'NotFound':
      return 'Not decided: it does not exist';
    case 'Unavailable':
    case 'Unauthenticated':
      return 'Not decided: the registry does not answer';
    default:
      return `Refused: ${errorMapping[refusal.kind].meaning.toLowerCase()}`;
  }
}

function sentenceOf(answer: WhyAnswer, kind: string): Html | string {
  const { outcome: ended, deciding, refusal, found } = answer;
  if (refusal !== undefined) return sentenceOfRefusal(answer, refusal);
  if (ended === 'allowed')
    return `Rule ${deciding} decides about this repository. A node with this policy applies the profile.`;
  return found === undefined
    ? `Rule ${deciding} decides about ${kind} profiles of this repository. Add a tag or a digest to check the signatures of a version.`
    : '';
}

function sentenceOfRefusal(
  { deciding, examined, found }: WhyAnswer,
  { kind, why }: NonNullable<WhyAnswer['refusal']>,
): Html | string {
  if (kind !== 'SignatureInvalid' || found === undefined) return reason(why);
  const missing = examined.filter((each) => !isMet(each)).map(describeRequirement);
  const signatures = found === 0 ? 'no signature' : counted(found, 'signature');
  return html`Rule ${deciding} decides about this repository. It requires a signature by ${missing.join(', and one by ')}; the artifact has ${signatures}${found > 0 && (found === 1 ? ', which does not meet that' : ', none of which meets that')}.`;
}

function asked({ digest, found, policy, refusal }: WhyAnswer): Html {
  const error = refusal && errorMapping[refusal.kind];
  const prefix = error?.criPrefix !== undefined && html`<code>${error.criPrefix}</code>, `;
  return html`<section class="aside-list why-facts" aria-labelledby="asked-title"><h2 id="asked-title">What was asked</h2>${facts(
    [
      ['Resolved to', digest && html`<code>${digest}</code>`],
      ['Found', foundText(found)],
      ['Policy', html`${policy.name}, revision <code>${policy.revision.slice(0, 12)}</code>`],
      ['Error on a node', error && html`${prefix}exit code ${error.exit}`],
    ],
  )}</section>`;
}
