import { renderJunit } from '#lib/profile/report/render-junit';
import { renderSarif } from '#lib/profile/report/render-sarif';
import type { Report } from '#lib/profile/report/report';
import { githubAnnotations } from '../terminal/github-annotations.ts';
import { type ForGithub, writeForGithub } from '../terminal/github-files.ts';
import { gitlabCodeQuality } from '../terminal/gitlab-code-quality.ts';
import { withoutCommands, withoutCommandsInJson } from '../terminal/output.ts';
import { packageVersion } from './version.ts';

/** Forms of a report that CI systems read. */
export const reportForms = ['github', 'gitlab', 'sarif', 'junit'] as const;
export type ReportForm = (typeof reportForms)[number];

/** Reports whether a value of `--output` is a form of a report. */
export function isReportForm(form: string): form is ReportForm {
  return reportForms.some((known) => known === form);
}

const writers: { readonly [Form in ReportForm]: (report: Report) => string } = {
  github: githubAnnotations,
  gitlab: (report) => withoutCommandsInJson(gitlabCodeQuality(report)),
  sarif: (report) => withoutCommandsInJson(renderSarif(report, packageVersion())),
  junit: (report) => withoutCommands(renderJunit(report)),
};

/**
 * Prints a report on stdout. In the form of GitHub, the summary and the outputs of the step are
 * written too.
 */
export async function writeReport(form: ReportForm, report: Report, forGithub: () => ForGithub): Promise<void> {
  process.stdout.write(writers[form](report));
  if (form === 'github') await writeForGithub(forGithub(), process.env);
}
