import { type Command, Option } from 'commander';
import { diffProfiles } from '#lib/profile/diff-profiles';
import { isLoosened, renderDiffMarkdown, renderDiffText } from '#lib/profile/render-diff';
import { nativeArchitecture } from '#lib/profile/seccomp/architecture';
import type { ProfileDiff } from '#lib/profile/seccomp/diff';
import { GateClosed, gateExit } from '../gate.ts';
import { addOutputOption, examples } from '../options.ts';
import { type OutputForm, withoutCommands, writeResult } from '../output.ts';
import { addProfileOptions, type ProfileOptions, readNotedFiles, sourceName } from '../profile-file.ts';

interface DiffOptions extends ProfileOptions {
  readonly output: OutputForm | 'markdown';
  readonly failOn?: 'loosened';
}

/** `fairlead diff FROM TO`. */
export function define(command: Command): void {
  command
    .description(
      'Compare two profiles of one kind by what they permit, not by how they are written: what was loosened, what was ' +
        'tightened, and what only reads differently. The two may be in different formats.',
    )
    .argument('<from>', 'the profile as it was; - is stdin')
    .argument('<to>', 'the profile as it is now; - is stdin')
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
        ['as a comment on a pull request', 'fairlead diff base.json nginx.json --output markdown > comment.md'],
        ['beyond what the runtime allows anyway', 'fairlead baseline | fairlead diff - nginx.json'],
      ]) +
        `\n\nExit codes: 0 compared, ${gateExit} --fail-on loosened and it is, 2 no such file or different kinds, 3 not a valid profile.`,
    )
    .action(diff);
}

async function diff(from: string, to: string, options: DiffOptions): Promise<void> {
  const [before, after] = await readNotedFiles([from, to], options);
  const found = diffProfiles(before, after, nativeArchitecture(options.architecture));
  const files = { from: sourceName(from), to: sourceName(to) };
  if (options.output === 'markdown') process.stdout.write(withoutCommands(renderDiffMarkdown(found)));
  else {
    writeResult(options.output, {
      json: () => ({ ...files, kind: after.kind, loosened: isLoosened(found), ...found }),
      text: () => renderDiffText(found).trimEnd(),
    });
  }
  if (options.failOn === 'loosened' && isLoosened(found)) throw new GateClosed(loosenedMessage(files, found));
}

function loosenedMessage({ from, to }: { from: string; to: string }, { changes }: ProfileDiff): string {
  const subjects = new Set(changes.filter(({ direction }) => direction === 'loosened').map(({ subject }) => subject));
  const [first = '', ...others] = subjects;
  return `${to} permits what ${from} does not: ${first}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}
