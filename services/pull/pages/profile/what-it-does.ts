import { appArmorStatements } from '#lib/profile/apparmor/abilities';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { Statement } from '#lib/profile/seccomp/summary/abilities';
import { wideCallsBar } from '../components/bar.ts';
import { type Html, html } from '../components/html.ts';
import { note } from '../components/note.ts';
import { publisher } from '../components/publisher.ts';
import { outcomeMark } from '../components/syscall-group.ts';
import { count, counted } from '../components/words.ts';
import type { ProfileContent } from './profile-view.ts';
import type { SeccompSummary } from './seccomp-summary.ts';

/** System calls or paths that are named below a sentence. */
const shownSubjects = 4;

/** Returns the section that states what a container may do under a profile. */
export function whatItDoes(content: ProfileContent): Html {
  return html`<section id="what" aria-labelledby="what-title"><h2 id="what-title">What a container may do under it</h2>
${bodyOf(content)}</section>`;
}

function bodyOf(content: ProfileContent): Html {
  switch (content.kind) {
    case 'Seccomp':
      return seccompBody(content.summary);
    case 'AppArmor':
      return appArmorBody(content.profile);
    case 'unresolved':
      return html`<p class="lead">This profile is in the form of Docker and Podman: what it permits depends on the capabilities, the
architecture and the kernel of the container. The shim resolves it for each container.</p>`;
  }
}

function seccompBody({ counts, byDefault, abilities, asked }: SeccompSummary): Html {
  const { allowed, baseline } = counts;
  return html`<p class="lead">On a node with RuntimeDefault as its baseline, on amd64, with the default capabilities.
RuntimeDefault is what all releases of containerd since 1.6.16 allow.</p>
${wideCallsBar(counts)}
<dl class="figures"><div class="ink"><dt>${count(allowed)}</dt><dd>calls allowed, of ${count(baseline)} that RuntimeDefault allows</dd></div>
<div class="strict"><dt>${count(baseline - allowed)}</dt><dd>denied here, allowed by RuntimeDefault</dd></div>
${counts.asked > 0 && html`<div class="more"><dt>${count(counts.asked)}</dt><dd>asked for, which nodes do not grant</dd></div>`}</dl>
<p class="default-action">Each call that the profile does not list ${byDefault}${hint(byDefault)}.</p>
${statements(abilities.can.map(seccompItem), abilities.cannot.map(seccompItem))}
${asked.length > 0 && askedNote(asked)}`;
}

/** What programs do then: of ENOSYS, C libraries know that a call is missing. */
function hint(byDefault: string): string {
  return byDefault === 'fails with ENOSYS' ? ': programs take it for missing, and use an older one' : '';
}

/** A sentence, and what it is about. */
interface Item {
  readonly text: string;
  readonly subjects: readonly string[];
  readonly outcome?: string | undefined;
}

function seccompItem({ text, exception, calls, outcome }: Statement): Item {
  return { text: exception === undefined ? text : `${text}, ${exception}`, subjects: calls, outcome };
}

function statements(can: readonly Item[], cannot: readonly Item[]): Html {
  return html`<div class="statements"><div><h3>${outcomeMark('allowed')}It can</h3>${list(can, 'Nothing of what programs usually do.')}</div>
<div><h3>${outcomeMark('stricter')}It cannot</h3>${list(cannot, 'Nothing is refused that has a name here.')}</div></div>`;
}

function list(items: readonly Item[], none: string): Html {
  if (items.length === 0) return html`<p class="lead">${none}</p>`;
  return html`<ul>${items.map(item)}</ul>`;
}

function item({ text, subjects, outcome }: Item): Html {
  const shown = subjects.slice(0, shownSubjects).map((name, index) => html`${index > 0 && ' '}${publisher(name)}`);
  const others = subjects.length - shownSubjects;
  const rest = others > 0 && ` and ${count(others)} more`;
  const end = outcome !== undefined && html` <span aria-hidden="true">→</span> ${outcome.replace('fails with ', '')}`;
  return html`<li>${text}${subjects.length > 0 && html`<code>${shown}${rest}${end}</code>`}</li>`;
}

function askedNote(asked: readonly string[]): Html {
  const names = asked
    .slice(0, 8)
    .map((name, index) => html`${separator(index, Math.min(asked.length, 8))}<code>${publisher(name)}</code>`);
  const others = asked.length > 8 && ` and ${count(asked.length - 8)} more`;
  const rest = html`${names}${others} ${asked.length === 1 ? 'is' : 'are'} in the profile, but RuntimeDefault denies ${asked.length === 1 ? 'it, so it stays denied' : 'them, so they stay denied'}.`;
  return note('more', { lead: 'It asks for more than nodes grant.', rest });
}

function separator(index: number, length: number): string {
  if (index === 0) return '';
  return index === length - 1 && length <= 8 ? ' and ' : ', ';
}

function appArmorBody(profile: AppArmorProfile): Html {
  const { can, cannot } = appArmorStatements(profile);
  const mode =
    profile.mode === 'Complain'
      ? note('more', { lead: 'It is in complain mode.', rest: 'What it does not permit is logged, not refused.' })
      : false;
  const paths = Object.values(profile.filesystem ?? {}).flat().length;
  const capabilities = profile.capability?.allowedCapabilities.length;
  const lead = html`On a node with the default AppArmor rules of the runtime, which hold beside it. It permits ${profile.filesystem === undefined ? 'every path' : counted(paths, 'path pattern')} and ${capabilities === undefined ? 'every capability of the container' : counted(capabilities, 'capability', 'capabilities')}.`;
  return html`<p class="lead">${lead}</p>${statements(can, cannot)}${mode}`;
}
