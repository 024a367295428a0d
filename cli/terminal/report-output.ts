import type { Report } from '#lib/profile/report/report';
import { githubAnnotations } from './github-annotations.ts';
import { type ForGithub, writeForGithub } from './github-files.ts';

/** Forms of a report that CI systems read. */
export const reportForms = ['github'] as const;
export type ReportForm = (typeof reportForms)[number];

/** Reports whether a value of `--output` is a form of a report. */
export function isReportForm(form: string): form is ReportForm {
  return reportForms.some((known) => known === form);
}

const writers: { readonly [Form in ReportForm]: (report: Report) => string } = {
  github: githubAnnotations,
};

/**
 * Prints a report on stdout, or nothing if it is empty. In the form of GitHub, the summary and the
 * outputs of the step are written too.
 */
export async function writeReport(form: ReportForm, report: Report, forGithub: () => ForGithub): Promise<void> {
  const text = writers[form](report);
  if (text !== '') process.stdout.write(`${text}\n`);
  if (form === 'github') await writeForGithub(forGithub(), process.env);
}
