import type { Finding } from '#lib/profile/finding';
import { lintMeaning } from '#lib/profile/lint';
import type { Profile, ProfileKind } from '#lib/profile/profile';
import { asAppArmorResource, asSeccompResource, asSelinuxResource, type Written } from '#lib/profile/profile-places';
import { fieldOf } from './field.ts';
import type { Warning } from './verdict.ts';

const written: { readonly [Kind in ProfileKind]: Written } = {
  Seccomp: asSeccompResource,
  AppArmor: asAppArmorResource,
  SELinux: asSelinuxResource,
  RawSELinux: asSelinuxResource,
};

/**
 * Conditions of syscalls, those of an entry counted for each of its names, and paths with
 * wildcards, up to which lint takes a fraction of a second. It must not hold up other reviews;
 * profiles in use have a few hundred.
 */
const most = { conditions: 2_000, wildPaths: 512 };

/**
 * Returns what `fairlead lint` warns about in a profile, as warnings about its object. Remarks, and
 * what concerns only the publication of a profile, are left to the command, and so are very large
 * profiles.
 */
export function lintWarnings(profile: Profile, counts: (finding: Finding) => boolean = () => true): readonly Warning[] {
  if (isLarge(profile)) {
    return [{ field: 'spec', message: 'too large for all checks here; fairlead lint FILE does the others' }];
  }
  const unknown = (profile.unknownFields ?? []).map(({ pointer, meant }): Warning => {
    const help = meant === undefined ? '' : ` (did you mean ${JSON.stringify(meant)}?)`;
    return { field: fieldOf(pointer), message: `unknown field${help}, which is ignored` };
  });
  const findings = lintMeaning(profile).filter((finding) => finding.severity === 'warning' && counts(finding));
  return [
    ...unknown,
    ...findings.map((finding) => ({ field: fieldIn(profile, finding.pointer), message: briefOf(finding) })),
  ];
}

/** Returns the message of a finding with what matters first: admission shortens it. */
function briefOf({ code, message }: Finding): string {
  return code === 'missing-runtime-syscalls' ? message.slice(message.indexOf(': ') + 2) : message;
}

/** Returns the field of an object for a JSON pointer into its profile. */
export function fieldIn({ kind }: Profile, pointer: string): string {
  const [place = pointer] = written[kind](pointer);
  if (place !== '') return fieldOf(place);
  return kind === 'AppArmor' ? 'spec.abstract' : 'spec';
}

function isLarge(profile: Profile): boolean {
  if ('seccomp' in profile) {
    let conditions = 0;
    for (const { names, args = [] } of profile.seccomp.syscalls ?? []) conditions += names.length * args.length;
    return conditions > most.conditions;
  }
  if (!('apparmor' in profile)) return false;
  const { executable, filesystem } = profile.apparmor;
  const lists = [...Object.values(executable ?? {}), ...Object.values(filesystem ?? {})] as (readonly string[])[];
  return lists.flat().filter((path) => /[*?[{]/.test(path)).length > most.wildPaths;
}
