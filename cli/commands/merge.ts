import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { type ConvertForm, convertProfile } from '#lib/profile/convert-profile';
import { intersectProfiles, unionProfiles } from '#lib/profile/merge-profiles';
import type { Profile } from '#lib/profile/profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { dependsOnContainer, describeContainer } from '../options/docker-form.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addProfileOptions, type ProfileOptions, profileName, readNotedFiles } from '../options/profile-file.ts';
import { writeNote } from '../terminal/output.ts';

interface MergeOptions extends OutputOptions, ProfileOptions {
  readonly intersect?: boolean;
  readonly union?: boolean;
}

/** `fairlead merge --intersect|--union FILE…`. */
export function define(command: Command): void {
  command
    .description(
      'Make one profile of several of one kind, and print it: seccomp and AppArmor in the form of runtimes, SELinux as a ' +
        'SelinuxProfile. Where the format cannot say the exact result, a note says so: an intersection is then stricter ' +
        'and never laxer than it had to be, a union laxer and never stricter.',
    )
    .argument('<file...>', 'profiles, in any format; - is stdin')
    .option('--intersect', 'permit what all of them permit, as a node does with baseline and artifact')
    .option('--union', 'permit what any of them permits, as for several recordings of one program');
  addProfileOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['what will hold on the node?', 'fairlead baseline | fairlead merge --intersect - nginx.json'],
        ['of two recordings', 'fairlead merge --union monday.json tuesday.json > nginx.json'],
        ['into another form', 'fairlead merge --union a.yaml b.yaml | fairlead convert - --to spo --name nginx'],
      ]),
    )
    .action(merge);
}

async function merge(files: readonly [string, ...string[]], options: MergeOptions): Promise<void> {
  const { intersect = false, union = false } = options;
  if (intersect === union) {
    throw new FairleadError('InvalidInput', 'merge needs --intersect or --union, and not both', {
      hint: 'Give --intersect for what all of them permit, --union for what any of them does.',
    });
  }
  const [first, ...others] = await readNotedFiles(files, options);
  if ([first, ...others].some(dependsOnContainer)) {
    writeNote(
      'note',
      `profiles of Docker and Podman are taken as one container gets them: ${describeContainer(options)}`,
    );
  }
  const combine = intersect ? intersectProfiles : unionProfiles;
  const { profile, inexact } = combine([first, ...others], nativeArchitecture(options.architecture));
  const form = formOf(profile);
  const content = convertProfile(profile, form, profileName(first, files[0]));
  if (options.output === 'json') {
    process.stdout.write(`${JSON.stringify({ kind: profile.kind, form, inexact, content }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(content);
  const step = intersect ? 'stricter than every input' : 'laxer than every input';
  for (const subject of inexact) writeNote('note', `${subject}: ${step}, since the format cannot say the exact result`);
}

/** Runtimes read no SELinux profiles, and know no complain mode. */
function formOf(profile: Profile): ConvertForm {
  switch (profile.kind) {
    case 'Seccomp':
      return 'runtime';
    case 'AppArmor':
      return profile.apparmor.mode === 'Complain' ? 'spo' : 'runtime';
    case 'SELinux':
    case 'RawSELinux':
      return 'spo';
  }
}
