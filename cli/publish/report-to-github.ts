import { BoundedMarkdown } from '#lib/profile/bounded-markdown';
import { inCode, isLoosened, renderDiffMarkdown } from '#lib/profile/render-diff';
import { changeEntries } from '#lib/profile/report/diff-entries';
import { findingEntries, type ReportEntry, type ReportedFile, refusedFile } from '#lib/profile/report/report';
import { formatReference } from '#lib/registry/reference';
import { comparedName } from '#services/push/compare-with-held';
import { loosens } from '#services/push/refused-publication';
import { reportedPath } from '../options/reported-file.ts';
import { githubAnnotations } from '../terminal/github-annotations.ts';
import { writeForGithub } from '../terminal/github-files.ts';
import { type Publication, planOf, publishedReference } from './describe-outcome.ts';
import { totals } from './print-outcome.ts';

/**
 * Prints annotations on the lines of profiles for a workflow of GitHub, and writes the summary and
 * the outputs of the step. Throws InvalidInput if their files cannot be written.
 */
export async function reportToGithub(publications: readonly Publication[]): Promise<void> {
  const annotations = githubAnnotations({ files: publications.map(reportedPublication) }).trimEnd();
  if (annotations !== '') process.stdout.write(`${annotations}\n`);
  const summary = renderMarkdown(publications);
  await writeForGithub({ summary, outputs: publicationOutputs(publications) }, process.env);
}

function reportedPublication({ outcome, profile }: Publication): ReportedFile {
  const file = profile.file === '-' ? { name: 'stdin' } : reportedPath(profile.file);
  if (outcome.status === 'failed') return refusedFile(file, outcome.error);
  if (outcome.status === 'unchanged') return { ...file, entries: [] };
  const plan = planOf(outcome);
  const refused: ReportEntry[] =
    outcome.status === 'refused' ? [{ rule: 'not-published', level: 'error', message: outcome.error.summary }] : [];
  const level = outcome.status === 'refused' ? 'error' : 'warning';
  const changes = (plan?.comparisons ?? []).flatMap((each) => ('diff' in each ? changeEntries(each.diff, level) : []));
  return { ...file, entries: [...refused, ...findingEntries(plan?.findings ?? []), ...changes] };
}

/** Returns a table of the profiles, and their differences to what their tags held. */
function renderMarkdown(publications: readonly Publication[]): string {
  const markdown = new BoundedMarkdown();
  const all = publications.map(({ outcome }) => outcome);
  markdown.add(`**${totals(all, inCode)}**`);
  markdown.add('| profile | | tags | digest |\n|---|---|---|---|', '\n');
  const sorted = [...publications].sort((a, b) => rank(a) - rank(b));
  for (const [index, { outcome }] of sorted.entries()) {
    const plan = planOf(outcome);
    const tags = plan?.tags.map(({ tag }) => inCode(tag)).join(', ') ?? '';
    const result = 'error' in outcome ? `${outcome.status}: ${inCode(outcome.error.summary)}` : outcome.status;
    const published = publishedReference(outcome);
    const digest = published === undefined ? '' : inCode(published.digest);
    if (markdown.add(`| ${inCode(outcome.name)} | ${result} | ${tags} | ${digest} |`, '\n')) continue;
    return markdown.finish(`\n${sorted.length - index} more profiles are not shown.`);
  }
  markdown.add('');
  for (const { outcome } of sorted) {
    for (const comparison of outcome.status === 'unchanged' ? [] : (planOf(outcome)?.comparisons ?? [])) {
      const word = 'diff' in comparison && !isLoosened(comparison.diff) ? 'changed' : 'loosened';
      const compared = `Compared with ${inCode(comparedName(comparison))}.`;
      const body = 'diff' in comparison ? renderDiffMarkdown(comparison.diff).trimEnd() : inCode(comparison.problem);
      const heading = `## ${inCode(outcome.name)}: ${'diff' in comparison ? word : 'not compared'}`;
      if (!markdown.add(`${heading}\n\n${compared}\n\n${body}`)) {
        return markdown.finish('The other differences are too long to be shown here.');
      }
    }
  }
  return markdown.finish();
}

function rank({ outcome: { status } }: Publication): number {
  return ['failed', 'refused', 'published', 'planned', 'unchanged'].indexOf(status);
}

/** Returns the outputs of a step of GitHub that publishes profiles; see action.yml. */
function publicationOutputs(publications: readonly Publication[]): Readonly<Record<string, string>> {
  const profiles = publications.map(({ outcome }) => {
    const plan = planOf(outcome);
    const published = publishedReference(outcome);
    const [reference, digest] = published ? [formatReference(published), published.digest] : [null, null];
    // What cannot be compared may permit more.
    const loosened = plan !== undefined && (loosens(plan) ?? true);
    return { name: outcome.name, status: outcome.status, loosened, reference, digest };
  });
  const [only, ...others] = profiles;
  const each = (of: (profile: (typeof profiles)[number]) => string | null): string =>
    only !== undefined && others.length === 0 ? (of(only) ?? '') : JSON.stringify(profiles.map(of));
  return {
    changed: String(profiles.some(({ status }) => status === 'published' || status === 'planned')),
    loosened: String(profiles.some(({ loosened }) => loosened)),
    profiles: JSON.stringify(profiles),
    reference: each(({ reference }) => reference),
    digest: each(({ digest }) => digest),
  };
}
