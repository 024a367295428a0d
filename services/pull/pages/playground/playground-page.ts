import type { FairleadError } from '#lib/errors';
import type { Finding } from '#lib/profile/finding';
import { badge, type Tone } from '../components/badge.ts';
import { flag, type Html, html } from '../components/html.ts';
import { note } from '../components/note.ts';
import { count, counted } from '../components/words.ts';
import { layout } from '../site/layout.ts';
import type { Site } from '../site/site.ts';
import { differenceLines } from './difference-lines.ts';
import { architecture, type Examination, type OnNode, type Pasted, pastedLimit } from './examine.ts';

export interface PlaygroundPage {
  readonly site: Site;
  readonly pasted: Pasted;
  /** Absent before anything is pasted. */
  readonly result?: Examination | FairleadError;
}

/** Findings that are shown. */
const shownFindings = 200;

/** Returns the page on which profiles are linted, explained and compared. */
export function playgroundPage({ site, pasted, result }: PlaygroundPage): Html {
  const main = html`<h1>Playground</h1>
<p class="lead">Lints a profile, explains what a node leaves of it, and compares it with an older one. This site keeps nothing of what you paste, and
sends it to no other host.</p>
${result !== undefined && !('findings' in result) && failure('The profile cannot be read', result)}
${form(pasted, result !== undefined)}${result !== undefined && 'findings' in result && examination(result)}`;
  return layout(site, { title: 'Playground', section: 'playground' }, main);
}

/** With results below it, the form is shorter. */
function form({ profile, other }: Pasted, hasResult: boolean): Html {
  const most = `${pastedLimit / 1024} KiB`;
  return html`<form class="playground" method="post" action="/playground"><label><span>Profile: seccomp or AppArmor of runtimes, Docker's form, or a
resource of the Security Profiles Operator, at most ${most}</span><textarea name="profile" rows="${hasResult ? 8 : 16}" spellcheck="false" required
maxlength="${pastedLimit}">
${profile}</textarea></label>
<details class="other"${flag('open', other !== '')}><summary>Compare with an older profile</summary><label><span>Older profile</span><textarea name="other"
rows="8" spellcheck="false" maxlength="${pastedLimit}">
${other}</textarea></label></details>
<p class="actions"><button class="primary">Examine</button></p></form>`;
}

function examination({ kind, findings, onNode, differences }: Examination): Html {
  const found = findings.length === 0 ? 'without findings' : counted(findings.length, 'finding');
  return html`<section class="block"><h2>Lint</h2><p class="lead">A profile of kind ${kind}, ${found}.</p>
${findings.length > 0 && findingList(findings)}</section>
<section class="block"><h2>On a node</h2>${'stricter' in onNode ? explained(onNode) : failure('A node refuses it', onNode)}</section>
${differences !== undefined && html`<section class="block"><h2>Since the older profile</h2>${comparison(differences)}</section>`}`;
}

function comparison(differences: NonNullable<Examination['differences']>): Html {
  if ('message' in differences) return failure('They cannot be compared', differences);
  return differences.length === 0
    ? html`<p class="lead">Both have the same meaning.</p>`
    : differenceLines(differences);
}

const tones: Readonly<Record<Finding['severity'], Tone>> = { error: 'bad', warning: 'more', info: 'neutral' };
const severities: Readonly<Record<Finding['severity'], string>> = {
  error: 'Error',
  warning: 'Warning',
  info: 'Remark',
};

function findingList(findings: readonly Finding[]): Html {
  const rows = findings.slice(0, shownFindings).map(({ severity, message, code, place }) => {
    const where = place === undefined ? '' : `line ${place.line}, `;
    return html`<li>${badge(tones[severity], severities[severity])}<p>${message} <small>${where}${code}</small></p></li>`;
  });
  const more = findings.length - shownFindings;
  return html`<ul class="findings">${rows}</ul>${more > 0 && html`<p class="lead">And ${counted(more, 'finding')} more.</p>`}`;
}

function explained({ stricter, counts }: OnNode): Html {
  const figures =
    counts !== undefined &&
    html` It leaves <b>${count(counts.allowed)}</b> of the ${count(counts.baseline)} system calls that RuntimeDefault allows${
      counts.asked > 0 &&
      html`, and
asks for ${count(counts.asked)} that nodes do not grant`
    }.`;
  const lead = html`<p class="lead">With RuntimeDefault as its baseline, on ${architecture}, with the default capabilities.${figures}</p>`;
  if (stricter.length === 0) return html`${lead}<p class="lead">It applies as it is: nothing makes it stricter.</p>`;
  return html`${lead}${differenceLines(stricter, ' by the node')}`;
}

function failure(lead: string, { message, hint }: FairleadError): Html {
  const text = html`${message}${hint !== undefined && html`<br>${hint}`}`;
  return html`<div class="block-note">${note('bad', { lead: `${lead}.`, rest: text })}</div>`;
}
