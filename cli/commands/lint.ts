import { type Command, Option } from 'commander';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { Finding } from '#lib/profile/finding';
import { lint as lintProfile } from '#lib/profile/lint';
import type { ProfileKind } from '#lib/profile/profile';
import { renderLintMarkdown } from '#lib/profile/report/render-lint';
import { findingEntries, type ReportedFile, refusedFile } from '#lib/profile/report/report';
import { type FilesRead, withDirectoriesRead } from '../files/profile-directory.ts';
import { addOutputOption, addRegistryOptions, examples } from '../options/options.ts';
import { addProfileOptions } from '../options/profile-options.ts';
import { addReadingTrustOptions } from '../options/pull-policy.ts';
import { type ReadingOptions, settleProfiles } from '../options/read-profiles.ts';
import { reportedFile, unreadFile } from '../options/reported-file.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { failTogether } from '../process/fail-together.ts';
import { GateClosed, gateExit } from '../process/gate.ts';
import { isReportForm, type ReportForm, reportForms, writeReport } from '../process/report-output.ts';
import { projectFile } from '../project/project.ts';
import { projectProfiles } from '../project/project-profiles.ts';
import { isFile } from '../project/read-project.ts';
import { type OutputForm, oneLine, writeResult } from '../terminal/output.ts';

interface LintOptions extends ReadingOptions {
  readonly output: OutputForm | ReportForm;
  readonly project?: string;
  readonly failOn?: Finding['severity'];
}

/** Most severe first. */
const severities: readonly Finding['severity'][] = ['error', 'warning', 'info'];

/** A profile and its findings. */
interface Linted {
  readonly file: string;
  readonly kind: ProfileKind;
  readonly findings: readonly Finding[];
}

/** A file that could not be read, or holds no valid profile. */
interface Unread {
  readonly named: Pick<ReportedFile, 'name' | 'path'>;
  readonly error: FairleadError;
}

/** `fairlead lint FILE…`. */
export function define(command: Command): void {
  command
    .description(
      'Find likely mistakes in security profiles: names that no kernel knows, entries without effect, and profiles that ' +
        'confine nothing or that no container can start with. Push refuses a profile with errors; warnings and remarks are advice.',
    )
    .argument(
      '[file...]',
      'profiles: files in any form, directories, - for stdin, oci://REFERENCE (default: those of fairlead.yaml, otherwise .)',
    )
    .option('--project <file>', 'check the profiles of this project file too')
    .addOption(
      new Option(
        '--fail-on <severity>',
        `exit with ${gateExit} if there is a finding of this severity or above`,
      ).choices([...severities]),
    );
  addProfileOptions(command);
  addReadingTrustOptions(command);
  addRegistryOptions(command, 'only the findings');
  addOutputOption(command, reportForms)
    .addHelpText(
      'after',
      examples([
        ['check a profile', 'fairlead lint nginx.json'],
        ['fail a CI job on warnings, in all profiles of a directory', 'fairlead lint --fail-on warning profiles'],
        ['check what is published', 'fairlead lint oci://ghcr.io/acme/profiles/nginx:1.27 --key fairlead.pub'],
        ['annotate the lines of profiles in a workflow of GitHub', 'fairlead lint --output github profiles'],
        ['check the output of another program', 'kubectl get seccompprofile nginx -o yaml | fairlead lint -'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes(
        'checked',
        { gate: 'findings (with --fail-on)', ...profileErrors },
        'If a file cannot be read, the others are still checked.',
      ),
    )
    .action(lint);
}

async function lint(paths: readonly string[], options: LintOptions): Promise<void> {
  const linted: Linted[] = [];
  const reported: ReportedFile[] = [];
  const { files, refused } = await filesToCheck(paths, options);
  if (files.length + refused.length === 0) {
    throw new FairleadError('InvalidInput', `no profiles in ${paths.join(', ') || 'this directory'}`, {
      hint: 'Name files or directories with profiles: fairlead lint PATH….',
    });
  }
  const unread: Unread[] = refused.map(({ file, error }) => ({ named: unreadFile(file), error }));
  for (const { named, error } of unread) reported.push(refusedFile(named, error));
  for (const [index, read] of (await settleProfiles(files, options, { places: true })).entries()) {
    if (read.status === 'rejected') {
      const failure = { named: unreadFile(files[index] ?? ''), error: toFairleadError(read.reason) };
      unread.push(failure);
      reported.push(refusedFile(failure.named, failure.error));
    } else {
      const { profile, source: file } = read.value;
      const findings = lintProfile(profile);
      linted.push({ file, kind: profile.kind, findings });
      reported.push({ ...reportedFile(read.value), entries: findingEntries(findings) });
    }
  }
  const { failOn, output } = options;
  const severe = linted.flatMap(({ findings }) => findings).filter(({ severity }) => isAtLeast(severity, failOn));
  if (isReportForm(output)) {
    const report = { command: 'lint', files: reported } as const;
    await writeReport(output, report, () => ({ summary: renderLintMarkdown(report), outputs: {} }));
  } else {
    writeResult('lint', output, {
      json: () => ({
        failed: unread.length > 0 || severe.length > 0,
        profiles: linted,
        unread: unread.map(({ named, error: { kind, message, hint } }) => ({
          file: named.name,
          error: { kind, message, hint },
        })),
      }),
      text: () => asText(linted),
      quiet: () => linted.flatMap(findingLines).join('\n'),
    });
  }
  const [first, ...others] = unread.map(({ error }) => error);
  if (first !== undefined) {
    const all = files.length + refused.length;
    throw failTogether(first, others, { all, noun: 'files', output, member: 'unread', ociLayout: options.ociLayout });
  }
  if (severe.length > 0) throw new GateClosed(`${count(severe.length, 'finding')} of severity ${failOn} or above`);
}

/**
 * Returns the files to be checked: those of the paths and of the project that the options name; by
 * default, those of fairlead.yaml or of the working directory.
 */
async function filesToCheck(paths: readonly string[], { project }: LintOptions): Promise<FilesRead> {
  const file = project ?? (paths.length === 0 && (await isFile(projectFile)) ? projectFile : undefined);
  if (file === undefined) return withDirectoriesRead(paths.length === 0 ? ['.'] : paths);
  const [profiles, named] = await Promise.all([projectProfiles(file), withDirectoriesRead(paths)]);
  return {
    files: [...profiles.flatMap((each) => (each.refused === undefined ? [each.file] : [])), ...named.files],
    refused: [
      ...profiles.flatMap(({ file: path, refused }) => (refused === undefined ? [] : [{ file: path, error: refused }])),
      ...named.refused,
    ],
  };
}

function isAtLeast(severity: Finding['severity'], wanted: Finding['severity'] | undefined): boolean {
  return wanted !== undefined && severities.indexOf(severity) <= severities.indexOf(wanted);
}

function asText(linted: readonly Linted[]): string {
  return linted.map(describeLinted).join('\n');
}

/** Returns findings in the form of compilers, which editors and CI systems read. */
function findingLines({ file, findings }: Linted): readonly string[] {
  return findings.map(({ severity, message, code, pointer, place }) =>
    oneLine(
      `${file}${place === undefined ? '' : `:${place.line}:${place.column}`}: ${severity}: ${message} (${code}, ${pointer || '/'})`,
    ),
  );
}

function describeLinted(linted: Linted): string {
  const { file, kind, findings } = linted;
  const of = (wanted: Finding['severity']) => findings.filter(({ severity }) => severity === wanted).length;
  const errors = of('error') === 0 ? '' : `${count(of('error'), 'error')}, `;
  const summary =
    findings.length === 0
      ? 'no findings'
      : `${errors}${count(of('warning'), 'warning')}, ${count(of('info'), 'remark')}`;
  return [...findingLines(linted), `${file}: ${kind}, ${summary}`].join('\n');
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}
