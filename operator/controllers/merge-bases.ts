import { FairleadError } from '#lib/errors';
import { readJson } from '#lib/profile/json/read-json';
import { readResource } from '#lib/profile/parse-resource';
import { profileLimits } from '#lib/profile/read-profile';
import { addBase } from '#lib/profile/seccomp/add-base';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { parseReference, type Reference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';

/** What bases are found with. */
export interface BaseDependencies {
  /** Returns a SeccompProfile of the cluster as JSON, or undefined if it does not exist. */
  readonly read: (name: string) => Promise<string | undefined>;
  /** Pulls a seccomp profile from a registry and verifies it. */
  readonly pull: (reference: Reference) => Promise<PulledBase>;
}

/** A base profile from a registry. */
export interface PulledBase {
  readonly profile: SeccompProfile;
  /** Registry, repository and digest. */
  readonly pinned: string;
}

/** A profile that contains the syscalls of its bases. */
export interface MergedProfile {
  readonly profile: SeccompProfile;
  /** Artifacts that it contains, by digest. */
  readonly artifacts: readonly string[];
  /** The names of SeccompProfiles that it contains. */
  readonly objects: readonly string[];
  /** Reports whether an artifact was named by a tag, which may point elsewhere later. */
  readonly followsTag: boolean;
}

/** As in the Security Profiles Operator. */
const mostLevels = 15;
/** Syscalls that an error names. */
const mostNamed = 5;
const scheme = 'oci://';
/**
 * Added where a profile lists no architectures, to compare conditions on arguments. All
 * architectures of nodes have 64 bits.
 */
const nativeArchitecture = 'SCMP_ARCH_X86_64';

/**
 * Returns a SeccompProfile of the cluster with the syscalls of the base profile that it names, and
 * of that one's base, and so on; undefined if it names none. Throws ProfileInvalid for a profile
 * that cannot be read, and for one whose conditions cannot be joined with those of its base,
 * InvalidInput for a base that is its own or is more than 15 levels away, NotFound for one that
 * does not exist, and whatever `read` and `pull` throw.
 */
export async function mergeBases(name: string, dependencies: BaseDependencies): Promise<MergedProfile | undefined> {
  const merged = await merge(name, [], dependencies);
  return merged.objects.length === 0 && merged.artifacts.length === 0 ? undefined : merged;
}

async function merge(name: string, path: readonly string[], dependencies: BaseDependencies): Promise<MergedProfile> {
  const within = [...path, name];
  if (path.includes(name)) {
    throw new FairleadError('InvalidInput', `spec.baseProfileName: a profile is its own base: ${within.join(' → ')}`, {
      hint: `Name another base in one of them.`,
    });
  }
  if (path.length >= mostLevels) {
    throw new FairleadError(
      'InvalidInput',
      `spec.baseProfileName: more than ${mostLevels} levels: ${within.join(' → ')}`,
      {
        hint: 'Merge some of the profiles into one.',
      },
    );
  }
  const json = await dependencies.read(name);
  if (json === undefined) {
    throw new FairleadError('NotFound', `spec.baseProfileName: no SeccompProfile ${quote(name)}`, {
      hint: 'Create it, or name another base.',
    });
  }
  const { profile, baseProfileName } = readSeccomp(name, json);
  if (baseProfileName === undefined) return { profile, artifacts: [], objects: [], followsTag: false };
  if (baseProfileName.startsWith(scheme)) {
    const reference = parseReference(baseProfileName.slice(scheme.length));
    const { profile: base, pinned } = await dependencies.pull(reference);
    return {
      profile: join(name, profile, { name: baseProfileName, profile: base }),
      artifacts: [pinned],
      objects: [],
      followsTag: reference.digest === undefined,
    };
  }
  const base = await merge(baseProfileName, within, dependencies);
  return {
    ...base,
    profile: join(name, profile, { name: baseProfileName, profile: base.profile }),
    objects: [baseProfileName, ...base.objects],
  };
}

/** Joins a profile with its base. A result that allows more than either of them is refused. */
function join(
  name: string,
  profile: SeccompProfile,
  base: { readonly name: string; readonly profile: SeccompProfile },
): SeccompProfile {
  const { profile: joined, inexact } = addBase(profile, base.profile, nativeArchitecture);
  if (inexact.length === 0) return joined;
  const syscalls = inexact
    .slice(0, mostNamed)
    .map((each) => quote(each))
    .join(', ');
  const more = inexact.length > mostNamed ? ` and ${inexact.length - mostNamed} more` : '';
  throw new FairleadError(
    'ProfileInvalid',
    `spec.baseProfileName: ${quote(name)} and its base ${quote(base.name)} both have conditions for ${syscalls}${more}, and no profile can express both`,
    { hint: 'In one of the two profiles, remove the rules for these syscalls, or use fewer conditions.' },
  );
}

function readSeccomp(name: string, json: string): { profile: SeccompProfile; baseProfileName?: string } {
  const { profile, ...base } = readResource(readJson(Buffer.from(json), `SeccompProfile ${name}`, profileLimits));
  if (profile.kind !== 'Seccomp') throw new FairleadError('ProfileInvalid', `${name} is a ${profile.kind} profile`);
  return { profile: profile.seccomp, ...base };
}
