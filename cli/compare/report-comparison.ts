import type { ComparedProfile, Comparison } from '#lib/profile/compare-profile-files';
import { countOutcomes, renderComparisonMarkdown, renderComparisonText } from '#lib/profile/render-comparison';
import { reportedComparison } from '#lib/profile/report/diff-entries';
import type { Document } from '../documents/documents.ts';
import { noteUnknownFields } from '../options/read-profiles.ts';
import { reportedPath } from '../options/reported-file.ts';
import { failTogether } from '../process/fail-together.ts';
import { GateClosed } from '../process/gate.ts';
import { isReportForm, type ReportForm, writeReport } from '../process/report-output.ts';
import { type OutputForm, withoutCommands, writeNote, writeResult } from '../terminal/output.ts';

/**
 * Prints a comparison of many profiles. Throws the error of the first invalid one, and GateClosed
 * if `failOn` is set and a profile permits more.
 */
export async function reportComparison(
  comparison: Comparison,
  { output, failOn }: { readonly output: OutputForm | ReportForm | 'markdown'; readonly failOn?: 'loosened' },
): Promise<void> {
  const { profiles, ignored } = comparison;
  if (isReportForm(output)) {
    const level = failOn === 'loosened' ? 'error' : 'warning';
    const files = profiles.map((profile) =>
      reportedComparison(reportedPath(profile.to ?? profile.from ?? profile.name), profile, level),
    );
    await writeReport(output, { command: 'diff', files }, () => ({
      summary: renderComparisonMarkdown(comparison),
      outputs: diffOutputs(profiles),
    }));
  } else if (output === 'markdown') process.stdout.write(withoutCommands(renderComparisonMarkdown(comparison)));
  else {
    writeResult('diff', output, {
      json: () => asJson(comparison),
      text: () => renderComparisonText(comparison).trimEnd(),
      quiet: () => '',
    });
  }
  for (const { to = '', unknownFields = [] } of profiles) noteUnknownFields(to, unknownFields);
  if (ignored.length > 0) writeNote('note', `not in a form of profiles: ${ignored.join(', ')}`);
  const [error, ...others] = profiles.flatMap((profile) => profile.error ?? []);
  if (error !== undefined) {
    const all = profiles.length + comparison.unchanged;
    throw failTogether(error, others, { all, noun: 'files', output, member: 'profiles' });
  }
  const loosened = profiles.filter((profile) => profile.loosened);
  if (failOn === 'loosened' && loosened.length > 0) throw new GateClosed(loosenedMessage(loosened));
}

/** Returns the outputs of a step of GitHub that compares these profiles; see action.yml. */
export function diffOutputs(
  profiles: readonly Pick<ComparedProfile, 'change' | 'loosened' | 'name'>[],
): Readonly<Record<string, string>> {
  return {
    changed: String(profiles.length > 0),
    loosened: String(profiles.some(({ loosened }) => loosened)),
    profiles: JSON.stringify(profiles.map(({ name, change, loosened }) => ({ name, change, loosened }))),
  };
}

/** Returns a comparison as the JSON document of `fairlead diff` of directories. */
function asJson(comparison: Comparison): Document<'diff'> {
  const { profiles, unchanged, ignored } = comparison;
  return {
    loosened: profiles.some((profile) => profile.loosened),
    summary: countOutcomes(comparison),
    profiles: profiles.map(
      ({ name, change, from = null, to = null, kind = null, loosened, diff, undecided, error }) => ({
        name,
        change,
        from,
        to,
        kind,
        loosened,
        changes: diff?.changes ?? [],
        rewritten: diff?.rewritten ?? [],
        ...(undecided !== undefined && { undecided }),
        ...(error && { error: { kind: error.kind, message: error.message, pointer: error.pointer } }),
      }),
    ),
    unchanged,
    ignored,
  };
}

function loosenedMessage(loosened: readonly ComparedProfile[]): string {
  const shown = loosened.slice(0, 10).map(({ name, diff }) => {
    const subject = diff?.changes.find(({ direction }) => direction === 'loosened')?.subject;
    return subject === undefined ? name : `${name} (${subject})`;
  });
  const more = loosened.length > shown.length ? ` and ${loosened.length - shown.length} more` : '';
  return `${loosened.length === 1 ? 'a profile permits' : `${loosened.length} profiles permit`} more than before: ${shown.join(', ')}${more}`;
}
