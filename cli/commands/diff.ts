import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import type { ProfileDiff } from '#lib/profile/change';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { Profile } from '#lib/profile/profile';
import {
  isLoosened,
  type OneSided,
  renderDiffMarkdown,
  renderDiffText,
  renderOneSidedMarkdown,
  renderOneSidedText,
} from '#lib/profile/render-diff';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { dependsOnContainer, describeContainer, refuseDependent } from '../options/docker-form.ts';
import { addOutputOption, examples } from '../options/options.ts';
import { addProfileOptions, hostOf, type ProfileOptions, readNotedFiles, sourceName } from '../options/profile-file.ts';
import { GateClosed, gateExit } from '../process/gate.ts';
import { type OutputForm, withoutCommands, writeResult } from '../terminal/output.ts';

interface DiffOptions extends ProfileOptions {
  readonly output: OutputForm | 'markdown';
  readonly failOn?: 'loosened';
  readonly new?: boolean;
  readonly deleted?: boolean;
}

/** What git calls the file that is not there before or after a change. */
const noFile = '/dev/null';

/** `fairlead diff FROM TO`, `fairlead diff --new TO`, `fairlead diff --deleted FROM`. */
export function define(command: Command): void {
  command
    .description(
      'Compare two profiles of one kind by what they permit, not by how they are written: what was loosened, what was ' +
        'tightened, and what only reads differently. The form of runtimes and resources of the Security Profiles Operator ' +
        'mean the same for every container, and may be compared with each other; a profile of Docker or Podman that depends ' +
        'on the container is compared with another one only, and never under --fail-on.',
    )
    .argument('<from>', 'the profile as it was; - is stdin, /dev/null none')
    .argument('[to]', 'the profile as it is now; - is stdin, /dev/null none')
    .option('--new', 'there was no profile before: the one file is what is new')
    .option('--deleted', 'there is no profile any more: the one file is what it was')
    .addOption(
      new Option('--fail-on <direction>', `exit with ${gateExit} where something is permitted that was not`).choices([
        'loosened',
      ]),
    );
  addProfileOptions(command);
  addOutputOption(command, ['markdown'])
    .addHelpText(
      'after',
      examples([
        ['what did my change do?', 'git show HEAD:nginx.json | fairlead diff - nginx.json'],
        ['as a gate in CI', 'fairlead diff --fail-on loosened released.json nginx.json'],
        ['of a profile that was not there before', 'fairlead diff --new nginx.json'],
        ['as a comment on a pull request', 'fairlead diff base.json nginx.json --output markdown > comment.md'],
        ['beyond what the runtime allows anyway', 'fairlead baseline | fairlead diff - nginx.json'],
      ]) +
        `\n\nExit codes: 0 compared, or new or deleted; ${gateExit} --fail-on loosened and it is; 2 no such file, different kinds,\n` +
        '  or not comparable; 3 not a valid profile.',
    )
    .action(diff);
}

async function diff(first: string, second: string | undefined, options: DiffOptions): Promise<void> {
  const { from, to } = sidesOf(first, second, options);
  if (from === undefined) return say({ change: 'new', file: to ?? '' }, options);
  if (to === undefined) return say({ change: 'deleted', file: from }, options);
  const [before, after] = await readNotedFiles([from, to], options, { blankHint });
  const depends = refuseIncomparable([before, after], [from, to], options);
  const found = diffProfiles(before, after, nativeArchitecture(options.architecture));
  const files = { from: sourceName(from), to: sourceName(to) };
  const container = depends
    ? `Compared for one container: ${describeContainer(options)}. For others it may differ.`
    : '';
  if (options.output === 'markdown') {
    const heading = container === '' ? '' : `${container}\n\n`;
    process.stdout.write(withoutCommands(`${heading}${renderDiffMarkdown(found)}`));
  } else {
    writeResult(options.output, {
      json: () => ({
        ...files,
        kind: after.kind,
        loosened: isLoosened(found),
        ...found,
        ...(depends && { container: hostOf(options) }),
      }),
      text: () => `${container === '' ? '' : `${container}\n`}${renderDiffText(found).trimEnd()}`,
    });
  }
  if (options.failOn === 'loosened' && isLoosened(found)) throw new GateClosed(loosenedMessage(files, found));
}

const blankHint =
  'A profile that is new or deleted is compared by: fairlead diff --new TO, fairlead diff --deleted FROM. Otherwise the command that was to write it may have failed.';

/** The two files, of which one may be none. */
function sidesOf(
  first: string,
  second: string | undefined,
  options: DiffOptions,
): { readonly from?: string | undefined; readonly to?: string | undefined } {
  const { new: isNew = false, deleted = false } = options;
  if (isNew && deleted) throw new FairleadError('InvalidInput', '--new and --deleted cannot be used together');
  if (isNew) {
    const named = first === noFile ? [second] : [first, second];
    return { to: onlyOne(named, 'fairlead diff --new TO') };
  }
  if (deleted) {
    const named = second === noFile ? [first] : [first, second];
    return { from: onlyOne(named, 'fairlead diff --deleted FROM') };
  }
  if (second === undefined) {
    throw new FairleadError('InvalidInput', 'there is one profile, and nothing to compare it with', {
      hint: 'fairlead diff FROM TO; of a profile that is new or deleted: fairlead diff --new TO, fairlead diff --deleted FROM',
    });
  }
  if (first === noFile && second === noFile) {
    throw new FairleadError('InvalidInput', 'there is no profile on either side', { hint: 'fairlead diff FROM TO' });
  }
  return { from: first === noFile ? undefined : first, to: second === noFile ? undefined : second };
}

/** The file of a comparison that has one side. */
function onlyOne([file, other]: readonly (string | undefined)[], usage: string): string {
  if (file !== undefined && file !== noFile && other === undefined) return file;
  throw new FairleadError('InvalidInput', 'a profile that is new or deleted is named alone', { hint: usage });
}

/** Returns whether the comparison holds for one container only. */
function refuseIncomparable(
  profiles: readonly [Profile, Profile],
  files: readonly [string, string],
  { failOn }: DiffOptions,
): boolean {
  const depends = profiles.filter(dependsOnContainer);
  for (const [index, profile] of profiles.entries()) {
    const file = files[index] ?? '';
    if (depends.length === 1)
      refuseDependent(profile, file, 'what it permits depends on the container, and the other file is in another form');
    if (failOn !== undefined)
      refuseDependent(profile, file, 'what it permits depends on the container, so --fail-on cannot tell');
  }
  return depends.length > 0;
}

/**
 * Reports a profile that has none to be compared with. Nothing ran under a new one, so it loosens
 * nothing.
 */
async function say(
  side: { readonly change: OneSided['change']; readonly file: string },
  options: DiffOptions,
): Promise<void> {
  const [profile] = await readNotedFiles([side.file], options);
  const { change } = side;
  const name = sourceName(side.file);
  const subject: OneSided = { change, name, kind: profile.kind };
  if (options.output === 'markdown') {
    process.stdout.write(withoutCommands(renderOneSidedMarkdown(subject)));
    return;
  }
  const files = change === 'new' ? { from: null, to: name } : { from: name, to: null };
  writeResult(options.output, {
    json: () => ({ ...files, kind: profile.kind, change, loosened: false, changes: [], rewritten: [] }),
    text: () => renderOneSidedText(subject).trimEnd(),
  });
}

function loosenedMessage({ from, to }: { from: string; to: string }, { changes }: ProfileDiff): string {
  const subjects = new Set(changes.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject));
  const [first = '', ...others] = subjects;
  return `${to} permits what ${from} does not: ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}
