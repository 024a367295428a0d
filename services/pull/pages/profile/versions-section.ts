import { type DiffLine, diffLines } from '../components/diff-lines.ts';
import { flag, type Html, html } from '../components/html.ts';
import { note } from '../components/note.ts';
import { publisher } from '../components/publisher.ts';
import { count, counted, day } from '../components/words.ts';
import { profilePath } from '../site/addresses.ts';
import type { ComparedSubjects, Comparison, ProfileView, VersionView } from './profile-view.ts';

/** Lines of a comparison, and subjects of a line, that are shown. */
const shownLines = 200;
const shownSubjects = 60;

/** Returns the section with the versions of a profile, and the comparison of two of them. */
export function versionsSection(view: ProfileView): Html {
  const { address, versions, versionTotal, comparison } = view;
  const others = versionTotal - versions.length;
  const rows = versions.map((version) => row(view, version));
  return html`<section class="block" id="versions" aria-labelledby="versions-title"><h2 id="versions-title">Versions</h2>
${rows.length > 0 ? html`<ol class="versions">${rows}</ol>` : html`<p class="lead">No catalog of this site lists the versions of this profile.</p>`}
${others > 0 && html`<p class="lead">And ${counted(others, 'older version')}: run <code>fairlead ls ${address.registry}/${address.repository}</code>.</p>`}
${comparison !== undefined && compare(view, comparison)}</section>`;
}

function row({ address }: ProfileView, version: VersionView): Html {
  const label = publisher(version.label);
  const name = version.isShown
    ? html`<b aria-current="page">${label}</b>`
    : html`<a href="${profilePath(address, version.named)}">${label}</a>`;
  const created = version.created !== undefined && day(version.created);
  return html`<li><span>${name}</span><span>${changeOf(version)}</span><span>${created}</span></li>`;
}

function changeOf({ change, isFirst }: VersionView): Html | string {
  if (change === undefined) return isFirst ? 'first version' : 'not compared';
  const { loosened, tightened, changed, since } = change;
  if (loosened + tightened + changed === 0) return html`same meaning as ${publisher(since)}`;
  return html`${loosened > 0 && html`<span class="tone more">${count(loosened)} loosened</span> `}${
    tightened > 0 && html`<span class="tone strict">${count(tightened)} tightened</span> `
  }${changed > 0 && html`${count(changed)} changed `}since ${publisher(since)}`;
}

function compare({ address, named, kind }: ProfileView, comparison: Comparison): Html {
  const { choices, from, to } = comparison;
  const select = (name: 'from' | 'to', value: string): Html => {
    const options = withValue(choices, value).map(
      (choice) =>
        html`<option value="${choice.value}"${flag('selected', choice.value === value)}>${choice.label}</option>`,
    );
    return html`<label><span>${name === 'from' ? 'From' : 'To'}</span><select name="${name}">${options}</select></label>`;
  };
  return html`<form class="fields" action="${profilePath(address, named)}#versions">${select('from', from)}${select('to', to)}<button>Compare</button></form>
${result(comparison, kind === 'AppArmor' ? 'rule' : 'call')}`;
}

function withValue(choices: Comparison['choices'], value: string): Comparison['choices'] {
  return choices.some((choice) => choice.value === value) ? choices : [...choices, { value, label: value }];
}

function result({ differences, problem }: Comparison, noun: string): Html {
  if (differences === undefined) {
    return note('more', {
      lead: 'These versions cannot be compared.',
      rest: publisher(problem ?? 'One of them may not be shown.'),
    });
  }
  if (differences.length === 0) return html`<p class="lead">Both have the same meaning.</p>`;
  const of = (direction: ComparedSubjects['direction']): readonly ComparedSubjects[] =>
    differences.filter((difference) => difference.direction === direction);
  // Others are not calls, such as those that are not listed.
  const counting = differences.some(({ subjects }) => subjects.some((subject) => subject.includes(' ')))
    ? 'difference'
    : noun;
  const counts = (direction: ComparedSubjects['direction']): string =>
    counted(
      of(direction).reduce((sum, { subjects }) => sum + subjects.length, 0),
      counting,
    );
  const parts = {
    loosened: of('loosened').map(line),
    tightened: of('tightened').map(line),
    changed: of('changed').map(line),
  };
  const total = differences.length;
  const shown = {
    loosened: parts.loosened.slice(0, shownLines),
    tightened: parts.tightened.slice(0, shownLines),
    changed: parts.changed.slice(0, shownLines),
  };
  return html`${diffLines(shown, { loosened: counts('loosened'), tightened: counts('tightened'), changed: counts('changed') })}${
    total > 3 * shownLines && html`<p class="lead">More differences exist: run <code>fairlead diff</code>.</p>`
  }`;
}

function line({ subjects, was, is }: ComparedSubjects): DiffLine {
  const others = subjects.length - shownSubjects;
  const names = subjects.slice(0, shownSubjects).map((name, index) => html`${index > 0 && ', '}${publisher(name)}`);
  return { what: html`${names}${others > 0 && ` and ${count(others)} more`}`, was: short(was), is: short(is) };
}

/** `is allowed` is a predicate; beside what it was, `allowed` is enough. */
function short(outcome: string): string {
  return outcome.replace(/^is /, '');
}
