import { FairleadError } from '#lib/errors';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import type { EffectiveInputs } from '#lib/profile/constraint';
import type { Profile, ProfileKind } from '#lib/profile/profile';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { describeTables } from '#lib/profile/seccomp/tables/runtime-defaults/select-tables';
import { refuseDependent } from '../options/docker-form.ts';
import { hostOf } from '../options/profile-options.ts';
import { type NamedProfile, type ReadingOptions, readNotedProfiles } from '../options/read-profiles.ts';
import { loadTablesLike, type RuntimeLike } from '../options/runtime-like.ts';
import { writeNote } from '../terminal/output.ts';

/** Where the profiles come from that meet on a node, beside the artifact. */
export interface MeetingOptions extends ReadingOptions {
  readonly like: RuntimeLike;
  /** A file, `none`, or `RuntimeDefault`, which is the default for kinds that have one. */
  readonly baseline?: string;
  /** A file, `none`, or `RuntimeDefault`. */
  readonly base?: string;
}

/** The profiles that meet on a node, and the name of the source of each. */
export interface NamedMeeting {
  readonly profiles: EffectiveInputs<Profile>;
  readonly sources: EffectiveInputs<string>;
}

/** The default profile of a runtime, and its name. */
interface NamedDefault {
  readonly profile: Profile;
  readonly name: string;
}

const runtimeDefaultWord = 'RuntimeDefault';
const words: ReadonlySet<string> = new Set([runtimeDefaultWord, 'none']);

/**
 * Reads the artifact, the node's baseline and the pod's base profile. Throws InvalidInput if a file
 * cannot be read or depends on the container, ProfileInvalid for a profile that is invalid.
 */
export async function readMeetingProfiles(argument: string, options: MeetingOptions): Promise<NamedMeeting> {
  const { base } = options;
  const named = [options.baseline, base].filter((name) => name !== undefined && !words.has(name)) as string[];
  const [{ profile: artifact, source }, ...others] = await readForNode([argument, ...named], options);
  const baseline = options.baseline ?? (artifact.kind in runtimeDefaults ? runtimeDefaultWord : 'none');
  const usesDefault = [baseline, base].includes(runtimeDefaultWord);
  const runtime = usesDefault ? await runtimeProfile(artifact, options) : undefined;
  const read = new Map(named.map((name, index) => [name, others[index]]));
  const find = (name: string | undefined): Profile | undefined => {
    if (name === undefined || name === 'none') return undefined;
    return name === runtimeDefaultWord ? runtime?.profile : read.get(name)?.profile;
  };
  const nameOf = (name: string): string =>
    (name === runtimeDefaultWord ? runtime?.name : read.get(name)?.source) ?? name;
  const [baselineProfile, baseProfile] = [find(baseline), find(base)];
  return {
    profiles: {
      ...(baselineProfile && { baseline: baselineProfile }),
      ...(baseProfile && { base: baseProfile }),
      artifact,
    },
    sources: {
      baseline: nameOf(baseline),
      ...(base !== undefined && { base: nameOf(base) }),
      artifact: source,
    },
  };
}

async function readForNode(
  args: readonly [string, ...string[]],
  options: MeetingOptions,
): Promise<readonly [NamedProfile, ...NamedProfile[]]> {
  const found = await readNotedProfiles(args, options);
  for (const each of found) {
    refuseDependent(each, 'nodes refuse this form, because what it permits depends on the container');
  }
  return found;
}

const runtimeDefaults: Readonly<Partial<Record<ProfileKind, (options: MeetingOptions) => Promise<NamedDefault>>>> = {
  Seccomp: async (options) => {
    const { tables, assumption } = await loadTablesLike(options.like);
    if (assumption !== undefined) writeNote('note', assumption);
    return {
      profile: { kind: 'Seccomp', seccomp: runtimeDefault(tables, hostOf(options)) },
      name: `${runtimeDefaultWord} (${describeTables(tables)} on ${options.architecture})`,
    };
  },
  AppArmor: async () => ({
    profile: { kind: 'AppArmor', apparmor: runtimeDefaultAppArmor },
    name: runtimeDefaultWord,
  }),
};

async function runtimeProfile({ kind }: Profile, options: MeetingOptions): Promise<NamedDefault> {
  const make = runtimeDefaults[kind];
  if (make !== undefined) return make(options);
  throw new FairleadError('InvalidInput', `runtimes have no default profile of kind ${kind}`, {
    hint: `Name a file instead of ${runtimeDefaultWord}, or leave out the option.`,
  });
}
