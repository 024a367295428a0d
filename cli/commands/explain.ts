import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { isInstallable } from '#lib/node/install/install-profile';
import { type EffectiveInputs, mapInputs } from '#lib/profile/constraint';
import { effectiveProfile } from '#lib/profile/effective-profile';
import { lint } from '#lib/profile/lint';
import { type Profile, seccompOf } from '#lib/profile/profile';
import { explainSyscalls, type SyscallExplanation } from '#lib/profile/seccomp/explain';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { isKnownSyscall, syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { closest } from '#lib/text/closest';
import { quote } from '#lib/text/quote';
import { constraintsText, syscallsText } from '../explain/explain-constraints.ts';
import { type MeetingOptions, readMeetingProfiles } from '../explain/meeting-profiles.ts';
import { addOutputOption, addRegistryOptions, examples, type OutputOptions } from '../options/options.ts';
import { addProfileOptions } from '../options/profile-options.ts';
import { addReadingTrustOptions } from '../options/pull-policy.ts';
import { likeOption } from '../options/runtime-like.ts';
import { exitCodes, profileErrors } from '../process/exit-codes.ts';
import { oneLine, writeNote, writeResult } from '../terminal/output.ts';

interface ExplainOptions extends OutputOptions, MeetingOptions {
  readonly syscall?: readonly string[];
}

/** `fairlead explain ARTIFACT`. */
export function define(command: Command): void {
  command
    .description(
      'Show what a profile permits on a node, and why. The node intersects the profile with its baseline and with the base ' +
        'profile of the pod. For each constraint, the output shows what it changes, which of the profiles causes it, and ' +
        'whether the result is exact or stricter than necessary.',
    )
    .argument(
      '<artifact>',
      'the profile that the pod names: a file in a form that does not depend on the container, - for stdin, oci://REFERENCE',
    )
    .option(
      '--baseline <profile>',
      'the baseline of the node: a profile, none or RuntimeDefault (default: RuntimeDefault for seccomp and AppArmor)',
    )
    .option('--base <profile>', 'the base profile of the pod: a profile or RuntimeDefault')
    .addOption(likeOption())
    .option('--syscall <name...>', 'show what each profile does with these system calls');
  addProfileOptions(command);
  addReadingTrustOptions(command);
  addRegistryOptions(command, 'only what is stricter than the profile');
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['explain a profile on a node with the default baseline', 'fairlead explain nginx.json'],
        [
          'explain two system calls, with a base profile',
          'fairlead explain nginx.json --base pod.json --syscall clone socket',
        ],
        ['explain what is published', 'fairlead explain oci://ghcr.io/acme/profiles/nginx:1.27 --policy policy.yaml'],
        [
          'list what is constrained, in a script',
          'fairlead explain nginx.json --output json | jq -r .constraints[].subject',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('shown', profileErrors))
    .action(explain);
}

async function explain(file: string, options: ExplainOptions): Promise<void> {
  const { profiles, sources } = await readMeetingProfiles(file, options);
  const native = nativeArchitecture(options.architecture);
  const { constraints } = effectiveProfile(profiles, native);
  const syscalls = options.syscall === undefined ? undefined : explainNamed(profiles, native, options.syscall);
  const text = (): string =>
    syscalls === undefined ? constraintsText(sources, constraints) : syscallsText(sources, syscalls);
  writeResult('explain', options.output, {
    json: () => ({ ...sources, kind: profiles.artifact.kind, constraints, ...(syscalls && { syscalls }) }),
    // Of --syscall, the decisions are the result.
    quiet: () => (syscalls === undefined ? constraints.map(({ subject }) => oneLine(subject)).join('\n') : text()),
    text: () => [text(), ...neverPermitted(profiles.artifact), ...notApplied(profiles.artifact)].join('\n'),
  });
}

/** States that nodes do not apply profiles of this kind. */
function notApplied({ kind }: Profile): readonly string[] {
  if (isInstallable(kind)) return [];
  return ['', `Nodes do not apply ${kind} profiles yet: a container that requests this one is refused.`];
}

/** Returns what every AppArmor policy denies even if the profile lists it. */
function neverPermitted(artifact: Profile): readonly string[] {
  if (artifact.kind !== 'AppArmor') return [];
  const found = lint(artifact).filter(({ code }) => code === 'never-permitted');
  return found.map(({ message }) => oneLine(message));
}

function explainNamed(
  profiles: EffectiveInputs<Profile>,
  native: string,
  names: readonly string[],
): readonly SyscallExplanation[] {
  const { kind } = profiles.artifact;
  if (kind !== 'Seccomp') {
    throw new FairleadError('InvalidInput', `--syscall is for seccomp profiles; the profile is ${kind}`, {
      hint: 'Leave out --syscall.',
    });
  }
  for (const name of names) noteUnknown(name);
  return explainSyscalls(mapInputs(profiles, seccompOf), native, names);
}

function noteUnknown(name: string): void {
  if (isKnownSyscall(name, [])) return;
  const meant = closest(name, syscallNames());
  const help = meant === undefined ? '' : `; did you mean ${meant}?`;
  writeNote('note', `unknown system call ${quote(name)}${help}`);
}
