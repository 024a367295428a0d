import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { convertProfile, usualForm } from '#lib/profile/convert-profile';
import { intersectProfiles, unionProfiles } from '#lib/profile/merge-profiles';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { dependsOnContainer, describeContainer } from '../options/docker-form.ts';
import { addOutputOption, addRegistryOptions, examples, type OutputOptions } from '../options/options.ts';
import { addProfileOptions } from '../options/profile-options.ts';
import { addReadingTrustOptions } from '../options/pull-policy.ts';
import { type ReadingOptions, readNotedProfiles } from '../options/read-profiles.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { versioned, writeJson, writeNote } from '../terminal/output.ts';

interface MergeOptions extends OutputOptions, ReadingOptions {
  readonly intersect?: boolean;
  readonly union?: boolean;
}

/** `fairlead merge --intersect|--union FILE…`. */
export function define(command: Command): void {
  command
    .description(
      'Combine profiles of one kind into one, and print it: seccomp and AppArmor in the runtime form, SELinux as a ' +
        'SelinuxProfile. If the format cannot express the exact result, a note reports it: an intersection is then ' +
        'stricter than necessary, and a union laxer.',
    )
    .argument('<file...>', 'profiles: files in any form, - for stdin, oci://REFERENCE')
    .option('--intersect', 'permit what all profiles permit, as a node does with baseline and artifact')
    .option('--union', 'permit what any profile permits, for example for several recordings of a program');
  addProfileOptions(command);
  addReadingTrustOptions(command);
  addRegistryOptions(command, 'the result');
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show what a profile permits on a node', 'fairlead baseline | fairlead merge --intersect - nginx.json'],
        ['combine two recordings', 'fairlead merge --union monday.json tuesday.json > nginx.json'],
        [
          'write the result in another form',
          'fairlead merge --union a.yaml b.yaml | fairlead convert - --to spo --name nginx',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('merged', profileErrors))
    .action(merge);
}

async function merge(files: readonly [string, ...string[]], options: MergeOptions): Promise<void> {
  const { intersect = false, union = false } = options;
  if (intersect && union) {
    throw new FairleadError('InvalidInput', '--intersect and --union cannot be used together', {
      hint: 'Use --intersect for what all profiles permit, --union for what any profile permits.',
    });
  }
  if (!intersect && !union) {
    throw new FairleadError('InvalidInput', 'merge needs either --intersect or --union', {
      hint: 'Use --intersect for what all profiles permit, --union for what any profile permits.',
    });
  }
  const [{ profile: first, name }, ...others] = await readNotedProfiles(files, options);
  const profiles = [first, ...others.map((other) => other.profile)] as const;
  if (profiles.some(dependsOnContainer)) {
    writeNote('note', `profiles of Docker and Podman were resolved for one container: ${describeContainer(options)}`);
  }
  const combine = intersect ? intersectProfiles : unionProfiles;
  const { profile, inexact } = combine(profiles, nativeArchitecture(options.architecture));
  const form = usualForm(profile);
  const content = convertProfile(profile, form, name);
  if (options.output === 'json') {
    writeJson(versioned('merge', { kind: profile.kind, form, inexact, content }));
    return;
  }
  process.stdout.write(content);
  const step = intersect ? 'stricter than every input' : 'laxer than every input';
  for (const subject of inexact)
    writeNote('note', `${subject}: ${step}, because the format cannot express the exact result`);
}
