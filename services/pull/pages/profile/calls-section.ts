import { type AppArmorGroup, appArmorGroups } from '#lib/profile/apparmor/abilities';
import type { CallState } from '#lib/profile/seccomp/call-counts';
import type { PurposeGroup, SummarizedCall } from '#lib/profile/seccomp/summary/calls-by-purpose';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { type CallOutcome, syscallGroup, syscallLegend } from '../components/syscall-group.ts';
import { count } from '../components/words.ts';
import type { ProfileContent } from './profile-view.ts';

type ResolvedContent = Exclude<ProfileContent, { readonly kind: 'unresolved' }>;

/** What components call the states of calls. */
const outcomes: Readonly<Record<CallState, CallOutcome>> = {
  allowed: 'allowed',
  conditional: 'conditional',
  asked: 'asked',
  stricter: 'stricter',
  denied: 'deniedByBoth',
};

const titles: Readonly<Record<CallState, string>> = {
  allowed: 'Allowed',
  conditional: 'Allowed when',
  asked: 'Asked for, not granted',
  stricter: 'Denied here',
  denied: 'Denied by both',
};

const states: readonly CallState[] = ['allowed', 'conditional', 'asked', 'stricter', 'denied'];

/** Paths or names that a group of an AppArmor profile shows. */
const shownRules = 200;

/** Returns the section with all system calls by purpose, or with the rules for AppArmor. */
export function callsSection(content: ResolvedContent): { id: string; title: string; content: Html } {
  const seccomp = content.kind === 'Seccomp';
  const title = seccomp ? 'System calls by purpose' : 'Rules by subject';
  const body = seccomp
    ? seccompGroups(content.summary.groups)
    : html`<div>${appArmorGroups(content.profile).map(appArmorGroup)}</div>`;
  const section = html`<section class="block" id="calls" aria-labelledby="calls-title"><h2 id="calls-title">${title}</h2>${body}</section>`;
  return { id: 'calls', title: seccomp ? 'System calls' : 'Rules', content: section };
}

function seccompGroups(groups: readonly PurposeGroup[]): Html {
  const opened = groups.find(({ calls }) => calls.some(({ state }) => state === 'conditional'))?.purpose;
  return html`<p class="lead">One mark for each call. Its shape states what happens on a node; its colour, how that differs from
RuntimeDefault.</p>${syscallLegend()}<div class="groups">${groups.map((group) => seccompGroup(group, group.purpose === opened))}</div>`;
}

function seccompGroup({ purpose, calls }: PurposeGroup, open: boolean): Html {
  const of = (state: CallState): readonly SummarizedCall[] => calls.filter((call) => call.state === state);
  const numbers = {
    allowed: of('allowed').length,
    conditional: of('conditional').length,
    asked: of('asked').length,
    stricter: of('stricter').length,
    deniedByBoth: of('denied').length,
  };
  const rows = states.flatMap((state) => {
    const found = of(state);
    if (found.length === 0) return [];
    const content =
      state === 'conditional'
        ? html`<ul>${found.map(condition)}</ul>`
        : html`<ul class="calls">${found.map(listed)}</ul>`;
    return [{ outcome: outcomes[state], title: titles[state], content }];
  });
  return syscallGroup({ name: purpose, calls: numbers, open, rows });
}

function listed({ name }: SummarizedCall): Html {
  return html`<li>${manual(name)}</li>`;
}

/** The names are those of the tables: no name of a publisher becomes a link. */
function manual(name: string): Html {
  return html`<a href="https://man7.org/linux/man-pages/man2/${name}.2.html"><code>${name}</code></a>`;
}

function condition({ name, condition: when, evadedBy, argument }: SummarizedCall): Html {
  const seen = argument === undefined ? 'its arguments' : `the ${argument}`;
  return html`<li>${manual(name)} ${when}.${
    evadedBy !== undefined &&
    html` A 32-bit program reaches the others by <code>${evadedBy}</code>, where no filter sees ${seen}.`
  }</li>`;
}

function appArmorGroup({ title, isOpen, rules, refused }: AppArmorGroup): Html {
  const permitted = rules.reduce((sum, { subjects }) => sum + subjects.length, 0);
  const figure = isOpen ? html`<b>all</b> permitted` : html`<b>${count(permitted)}</b> permitted`;
  const rows = rules.map(
    ({ may, subjects }) =>
      html`<div><dt>May ${may}</dt><dd><ul class="calls">${subjects.slice(0, shownRules).map(subject)}</ul>${
        subjects.length > shownRules && html`<p class="plain">and ${count(subjects.length - shownRules)} more</p>`
      }</dd></div>`,
  );
  const left = isOpen && html`<div><dt>All</dt><dd>What the default rules of the runtime permit.</dd></div>`;
  const denied =
    refused.length > 0 && html`<div><dt>Refused</dt><dd><ul class="calls">${refused.map(subject)}</ul></dd></div>`;
  const none =
    !isOpen && permitted === 0 && refused.length === 0 && html`<div><dt>Permitted</dt><dd>Nothing.</dd></div>`;
  return html`<details class="group rules" open><summary><span class="group-name">${title}</span><span class="group-figure">${figure}</span></summary>
<dl class="outcomes">${rows}${left}${denied}${none}</dl></details>`;
}

function subject(name: string): Html {
  return html`<li><code>${publisher(name)}</code></li>`;
}
