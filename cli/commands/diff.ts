import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import type { ProfileDiff } from '#lib/profile/change';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { Profile } from '#lib/profile/profile';
import {
  inCode,
  isLoosened,
  type OneSided,
  renderDiffMarkdown,
  renderDiffText,
  renderOneSidedMarkdown,
  renderOneSidedText,
} from '#lib/profile/render-diff';
import { changeEntries, oneSidedEntry } from '#lib/profile/report/diff-entries';
import { refusedFile } from '#lib/profile/report/report';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { compareMany } from '../compare/compare-many.ts';
import { diffOutputs, reportComparison } from '../compare/report-comparison.ts';
import { diffSides, type SideOptions } from '../options/diff-sides.ts';
import { dependsOnContainer, describeContainer, refuseDependent } from '../options/docker-form.ts';
import { addOutputOption, addRegistryOptions, examples } from '../options/options.ts';
import { addProfileOptions, hostOf } from '../options/profile-options.ts';
import { addReadingTrustOptions } from '../options/pull-policy.ts';
import { type ReadingOptions, readNotedProfiles, type SourcedProfile } from '../options/read-profiles.ts';
import { reportedFile, unreadFile } from '../options/reported-file.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { GateClosed, gateExit } from '../process/gate.ts';
import { isReportForm, type ReportForm, reportForms, writeReport } from '../process/report-output.ts';
import { type OutputForm, withoutCommands, writeResult } from '../terminal/output.ts';

interface DiffOptions extends ReadingOptions, SideOptions {
  readonly base?: string;
  readonly project?: string;
  readonly output: OutputForm | ReportForm | 'markdown';
  readonly failOn?: 'loosened';
}

/**
 * `fairlead diff FROM TO` of files or directories, `fairlead diff --base REVISION [PATH]`,
 * `fairlead diff --new TO`, `fairlead diff --deleted FROM`.
 */
export function define(command: Command): void {
  command
    .description(
      'Compare two profiles of one kind by what they permit: what was loosened, what was tightened, and what was only ' +
        'rewritten. Of two directories, or a directory and a commit, all profiles are compared: changed, new, deleted and ' +
        'renamed ones. A profile of Docker or Podman that depends on the container can only be compared with another one, and ' +
        'not with --fail-on.',
    )
    .argument(
      '[from]',
      'old profile: a file in any form, - for stdin, oci://REFERENCE; or a directory; /dev/null stands for none',
    )
    .argument('[to]', 'new profile or directory, named in the same way')
    .option(
      '--base <revision>',
      'compare the only file or directory with this commit of git (default: the profiles of fairlead.yaml, otherwise .)',
    )
    .option('--project <file>', 'with --base: compare the profiles of this project file (default: fairlead.yaml)')
    .option('--new', 'the only profile is new')
    .option('--deleted', 'the only profile was deleted')
    .addOption(
      new Option('--fail-on <direction>', `exit with ${gateExit} if the new profile permits more`).choices([
        'loosened',
      ]),
    );
  addProfileOptions(command);
  addReadingTrustOptions(command);
  addRegistryOptions(command, 'only errors and what --fail-on finds');
  addOutputOption(command, ['markdown', ...reportForms])
    .addHelpText(
      'after',
      examples([
        ['show the effect of a change', 'git show HEAD:nginx.json | fairlead diff - nginx.json'],
        ['fail a CI job if the profile was loosened', 'fairlead diff --fail-on loosened released.json nginx.json'],
        [
          'compare with what is published',
          'fairlead diff oci://ghcr.io/acme/profiles/nginx:1.27 nginx.json --key fairlead.pub',
        ],
        ['show a new profile', 'fairlead diff --new nginx.json'],
        ['show what a branch changes in all profiles of fairlead.yaml', 'fairlead diff --base origin/main'],
        ['show it for those of a directory', 'fairlead diff --base origin/main profiles'],
        ['compare two directories', 'fairlead diff released profiles'],
        ['write a comment for a pull request', 'fairlead diff base.json nginx.json --output markdown > comment.md'],
        [
          'annotate the lines that loosen, in a workflow of GitHub',
          'fairlead diff base.json nginx.json --output github',
        ],
        ['show what a profile permits beyond the default profile', 'fairlead baseline | fairlead diff - nginx.json'],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('compared', {
        gate: 'loosened (with --fail-on loosened)',
        ...profileErrors,
        InvalidInput: 'no such file or not comparable',
      }),
    )
    .action(diff);
}

async function diff(first: string | undefined, second: string | undefined, options: DiffOptions): Promise<void> {
  const refuse = ([old, changed]: readonly [Profile, Profile], [from, to]: readonly [string, string]): void =>
    void refuseIncomparable(
      [
        { profile: old, source: from },
        { profile: changed, source: to },
      ],
      options,
    );
  const many = await compareMany(first, second, { ...options, refuse });
  if (many !== undefined) return reportComparison(many, options);
  const { from, to } = diffSides(first, second, options);
  try {
    if (from === undefined) await reportOneSided({ change: 'new', argument: to ?? '' }, options);
    else if (to === undefined) await reportOneSided({ change: 'deleted', argument: from }, options);
    else await reportDifference(from, to, options);
  } catch (error) {
    const { output } = options;
    if (error instanceof FairleadError && isReportForm(output)) {
      const files = [from, to].filter((argument) => argument !== undefined).map(unreadFile);
      const refused = files.find(({ name }) => error.summary.startsWith(`${name}:`)) ?? files.at(-1);
      if (refused !== undefined) {
        await writeReport(output, { command: 'diff', files: [refusedFile(refused, error)] }, () => ({
          summary: inCode(error.message),
          outputs: diffOutputs([{ name: refused.name, change: 'invalid', loosened: false }]),
        }));
      }
    }
    throw error;
  }
}

async function reportDifference(from: string, to: string, options: DiffOptions): Promise<void> {
  const { output, failOn } = options;
  const [before, after] = await readNotedProfiles([from, to], options, { blankHint, places: true });
  const depends = refuseIncomparable([before, after], options);
  const found = diffProfiles(before.profile, after.profile, nativeArchitecture(options.architecture));
  const files = { from: before.source, to: after.source };
  const container = depends
    ? `Compared for one container: ${describeContainer(options)}. The result for others may differ.`
    : '';
  if (isReportForm(output)) {
    const entries = changeEntries(found, failOn === 'loosened' ? 'error' : 'warning');
    const change = { name: after.source, change: 'changed', loosened: isLoosened(found) } as const;
    await writeReport(output, { command: 'diff', files: [{ ...reportedFile(after), entries }] }, () => ({
      summary: renderDiffMarkdown(found),
      outputs: diffOutputs(found.changes.length > 0 ? [change] : []),
    }));
  } else if (output === 'markdown') {
    const heading = container === '' ? '' : `${container}\n\n`;
    process.stdout.write(withoutCommands(`${heading}${renderDiffMarkdown(found)}`));
  } else {
    writeResult('diff', output, {
      json: () => ({
        ...files,
        kind: after.profile.kind,
        loosened: isLoosened(found),
        ...found,
        ...(depends && { container: hostOf(options) }),
      }),
      text: () => `${container === '' ? '' : `${container}\n`}${renderDiffText(found).trimEnd()}`,
      quiet: () => '',
    });
  }
  if (failOn === 'loosened' && isLoosened(found)) throw new GateClosed(loosenedMessage(files, found));
}

const blankHint =
  'For a new or deleted profile, use fairlead diff --new TO or fairlead diff --deleted FROM. Otherwise, check the command that wrote the profile.';

/** Returns whether the comparison is for one container only. Throws InvalidInput. */
function refuseIncomparable(compared: readonly [SourcedProfile, SourcedProfile], { failOn }: DiffOptions): boolean {
  const depends = compared.filter(({ profile }) => dependsOnContainer(profile));
  for (const each of compared) {
    if (depends.length === 1)
      refuseDependent(each, 'what it permits depends on the container, and the other file is in another form');
    if (failOn !== undefined)
      refuseDependent(each, 'what it permits depends on the container, so --fail-on cannot decide');
  }
  return depends.length > 0;
}

/** Reports a new or deleted profile. Nothing ran under a new one, so it loosens nothing. */
async function reportOneSided(
  side: { readonly change: OneSided['change']; readonly argument: string },
  options: DiffOptions,
): Promise<void> {
  const [read] = await readNotedProfiles([side.argument], options);
  const { profile, source: name } = read;
  const { change } = side;
  const subject: OneSided = { change, name, kind: profile.kind };
  const { output } = options;
  if (isReportForm(output)) {
    const entries = [oneSidedEntry(subject)];
    await writeReport(output, { command: 'diff', files: [{ ...reportedFile(read), entries }] }, () => ({
      summary: renderOneSidedMarkdown(subject),
      outputs: diffOutputs([{ name, change, loosened: false }]),
    }));
    return;
  }
  if (output === 'markdown') {
    process.stdout.write(withoutCommands(renderOneSidedMarkdown(subject)));
    return;
  }
  const files = change === 'new' ? { from: null, to: name } : { from: name, to: null };
  writeResult('diff', output, {
    json: () => ({ ...files, kind: profile.kind, change, loosened: false, changes: [], rewritten: [] }),
    text: () => renderOneSidedText(subject).trimEnd(),
    quiet: () => '',
  });
}

function loosenedMessage({ from, to }: { from: string; to: string }, { changes }: ProfileDiff): string {
  const subjects = new Set(changes.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject));
  const [first = '', ...others] = subjects;
  return `${to} permits what ${from} does not: ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}
