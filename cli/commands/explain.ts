import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import type { Constraint } from '#lib/profile/constraint';
import { explainProfiles, type MeetingProfiles } from '#lib/profile/explain-profiles';
import { lint as lintProfile } from '#lib/profile/lint';
import type { Profile, ProfileKind } from '#lib/profile/profile';
import { describeExplanation, type Explanation, explain as explainSyscalls } from '#lib/profile/seccomp/explain';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { describeTables } from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { isKnownSyscall, syscallNames } from '#lib/profile/seccomp/tables/syscall-names';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import { closest } from '#lib/text/closest';
import { refuseDependent } from '../options/docker-form.ts';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addProfileOptions, hostOf, type ProfileOptions, readNotedFiles, sourceName } from '../options/profile-file.ts';
import { likeOption, loadTablesLike, type RuntimeLike } from '../options/runtime-like.ts';
import { oneLine, writeNote, writeResult } from '../terminal/output.ts';

interface ExplainOptions extends OutputOptions, ProfileOptions {
  readonly like: RuntimeLike;
  readonly baseline?: string;
  readonly base?: string;
  readonly syscall?: readonly string[];
}

/** `fairlead explain ARTIFACT`. */
export function define(command: Command): void {
  command
    .description(
      'Say what holds on a node for a profile, and why: the node intersects it with its baseline and with the base profile ' +
        'of the pod. For each constraint: what, from what to what, by which of them, and whether the result is exact or ' +
        'stricter than it had to be.',
    )
    .argument(
      '<artifact>',
      'the profile that the pod asks for, in a form that is the same for every container; - is stdin',
    )
    .option(
      '--baseline <file>',
      "the node's: a file, none, or RuntimeDefault, which seccomp and AppArmor have without this option",
    )
    .option('--base <file>', "the pod's base profile: a file or RuntimeDefault")
    .addOption(likeOption())
    .option('--syscall <name...>', 'say of these what each profile does with them, constrained or not');
  addProfileOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['on a node with the usual policy', 'fairlead explain nginx.json'],
        [
          "with the pod's base profile, for one call",
          'fairlead explain nginx.json --base pod.json --syscall clone socket',
        ],
        ['for a script', 'fairlead explain nginx.json --output json | jq -r .constraints[].subject'],
      ]),
    )
    .action(explain);
}

/** Where the three profiles come from, for people. */
type Sources = MeetingProfiles<string>;

async function explain(file: string, options: ExplainOptions): Promise<void> {
  const { given, sources } = await readInputs(file, options);
  const native = nativeArchitecture(options.architecture);
  const { constraints } = explainProfiles(given, native);
  const syscalls = options.syscall === undefined ? undefined : explainNamed(given, native, options.syscall);
  writeResult(options.output, {
    json: () => ({ ...sources, kind: given.artifact.kind, constraints, ...(syscalls && { syscalls }) }),
    text: () => [asText(sources, constraints, syscalls), ...neverPermitted(given.artifact)].join('\n'),
  });
}

/**
 * What every AppArmor policy denies of what a profile lists, which no profile that meets it says.
 */
function neverPermitted(artifact: Profile): readonly string[] {
  if (artifact.kind !== 'AppArmor') return [];
  const found = lintProfile(artifact).filter(({ code }) => code === 'never-permitted');
  return found.map(({ message }) => oneLine(message));
}

async function readInputs(
  file: string,
  options: ExplainOptions,
): Promise<{ given: MeetingProfiles<Profile>; sources: Sources }> {
  const { base } = options;
  const asked = [options.baseline, base].filter((name) => name !== undefined && !words.has(name)) as string[];
  const [artifact, ...others] = await readNotedFiles([file, ...asked], options);
  for (const [index, profile] of [artifact, ...others].entries()) {
    refuseDependent(
      profile,
      [file, ...asked][index] ?? '',
      'nodes do not read it, since what it permits depends on the container',
    );
  }
  const baseline = options.baseline ?? (artifact.kind in runtimeDefaults ? runtimeDefaultWord : 'none');
  const runtime = [baseline, base].includes(runtimeDefaultWord) ? await runtimeProfile(artifact, options) : undefined;
  const read = new Map(asked.map((name, index) => [name, others[index]]));
  const find = (name: string | undefined): Profile | undefined => {
    if (name === undefined || name === 'none') return undefined;
    return name === runtimeDefaultWord ? runtime?.profile : read.get(name);
  };
  const profiles = { baseline: find(baseline), base: find(base) };
  const called = (name: string): string => (name === runtimeDefaultWord && runtime?.called) || sourceName(name);
  return {
    given: {
      ...(profiles.baseline && { baseline: asApplied(profiles.baseline, options) }),
      ...(profiles.base && { base: asApplied(profiles.base, options) }),
      artifact: asApplied(artifact, options),
    },
    sources: {
      baseline: called(baseline),
      ...(base !== undefined && { base: called(base) }),
      artifact: sourceName(file),
    },
  };
}

/**
 * Returns a profile as nodes apply it: comparisons of 64 bits where the kernel takes 32 let nothing
 * through.
 */
function asApplied(profile: Profile, { architecture }: ExplainOptions): Profile {
  if (profile.kind !== 'Seccomp') return profile;
  return { ...profile, seccomp: narrowComparisons(profile.seccomp, nativeArchitecture(architecture)).profile };
}

const runtimeDefaultWord = 'RuntimeDefault';
const words = new Set([runtimeDefaultWord, 'none']);

/** A runtime's default, and what people are told that it is. */
interface NamedDefault {
  readonly profile: Profile;
  readonly called: string;
}

const runtimeDefaults: Readonly<Partial<Record<ProfileKind, (options: ExplainOptions) => Promise<NamedDefault>>>> = {
  Seccomp: async (options) => {
    const { tables, assumption } = await loadTablesLike(options.like);
    if (assumption !== undefined) writeNote('note', assumption);
    return {
      profile: { kind: 'Seccomp', seccomp: runtimeDefault(tables, hostOf(options)) },
      called: `${runtimeDefaultWord} (${describeTables(tables)} on ${options.architecture})`,
    };
  },
  AppArmor: async () => ({
    profile: { kind: 'AppArmor', apparmor: runtimeDefaultAppArmor },
    called: runtimeDefaultWord,
  }),
};

async function runtimeProfile({ kind }: Profile, options: ExplainOptions): Promise<NamedDefault> {
  const make = runtimeDefaults[kind];
  if (make !== undefined) return make(options);
  throw new FairleadError('InvalidInput', `runtimes have no default profile of kind ${kind}`, {
    hint: 'Give a file, or leave it out.',
  });
}

function explainNamed(
  { baseline, base, artifact }: MeetingProfiles<Profile>,
  native: string,
  names: readonly string[],
): readonly Explanation[] {
  if (artifact.kind !== 'Seccomp') {
    throw new FairleadError('InvalidInput', `--syscall is for seccomp profiles, and this one is ${artifact.kind}`, {
      hint: 'Leave out --syscall.',
    });
  }
  const inputs = {
    ...(baseline?.kind === 'Seccomp' && { baseline: baseline.seccomp }),
    ...(base?.kind === 'Seccomp' && { base: base.seccomp }),
    artifact: artifact.seccomp,
  };
  for (const name of names) {
    if (isKnownSyscall(name, [])) continue;
    const meant = closest(name, syscallNames());
    const help = meant === undefined ? '' : `: did you mean ${meant}?`;
    writeNote('note', `${JSON.stringify(name)} is no syscall that is known${help}`);
  }
  return explainSyscalls(inputs, native, names);
}

function asText(
  sources: Sources,
  constraints: readonly Constraint[],
  syscalls: readonly Explanation[] | undefined,
): string {
  const lines = Object.entries(sources).map(([input, source]) => `${input.padEnd(10)} ${source}`);
  if (syscalls !== undefined) return [...lines, '', ...syscalls.map(describeExplanation)].join('\n');
  if (constraints.length === 0) return [...lines, '', 'The artifact holds as it is: nothing constrains it.'].join('\n');
  for (const [input, of] of Map.groupBy(constraints, (constraint) => constraint.input)) {
    lines.push('', `Constrained by ${input === 'artifact' ? 'the format alone' : `the ${input}`}:`);
    lines.push(...describeConstraints(of));
  }
  return lines.join('\n');
}

/** What was constrained alike is said once. */
function describeConstraints(constraints: readonly Constraint[]): readonly string[] {
  const alike = Map.groupBy(constraints, ({ from, to, exact }) =>
    [
      `${from} -> ${to}`,
      ...(exact ? [] : ['    stricter than it had to be: the format cannot say the exact result']),
    ].join('\n'),
  );
  return [...alike].map(([change, of]) => `  ${of.map(({ subject }) => oneLine(subject)).join(', ')}:\n    ${change}`);
}
