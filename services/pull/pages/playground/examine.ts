import { FairleadError } from '#lib/errors';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import { convertCommand } from '#lib/profile/convert-command';
import type { Finding } from '#lib/profile/finding';
import { importProfile } from '#lib/profile/import-profile';
import { lint } from '#lib/profile/lint';
import { refuseMisspelt } from '#lib/profile/parse-runtime';
import type { Profile, ProfileKind } from '#lib/profile/profile';
import { type CallCounts, compareCalls, countCalls } from '#lib/profile/seccomp/call-counts';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { WordedDifference } from '#lib/profile/seccomp/summary/differences';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { defaultCapabilities } from '#lib/profile/seccomp/tables/runtime-identity';
import type { PagesDependencies } from '../site/pages-dependencies.ts';
import { constraintsInWords, differencesInWords } from './in-words.ts';

/** What a reader has pasted. */
export interface Pasted {
  readonly profile: string;
  /** A profile to compare it with, the older one; may be empty. */
  readonly other: string;
}

/** What the functions of `fairlead lint`, `explain` and `diff` find. */
export interface Examination {
  readonly kind: ProfileKind;
  readonly findings: readonly Finding[];
  readonly onNode: OnNode | FairleadError;
  /** Absent if nothing was pasted to compare with. */
  readonly differences?: readonly WordedDifference[] | FairleadError;
}

/** What is left of a profile on a node whose baseline is RuntimeDefault. */
export interface OnNode {
  /** In which respects it is stricter than the profile. */
  readonly stricter: readonly WordedDifference[];
  /** For seccomp. */
  readonly counts?: CallCounts;
}

/** Bytes of a profile that may be pasted: some times the largest that is known. */
export const pastedLimit = 256 * 1024;

/** The machine that profiles are explained for. */
export const architecture = 'amd64';
const native = nativeArchitecture(architecture);

/**
 * Lints and explains a profile, and compares it with another.
 *
 * @throws FairleadError ProfileInvalid and LimitExceeded for a profile that cannot be read; faults
 * of the other profile, and of single steps, are part of the result.
 */
export async function examine(
  { profile: text, other }: Pasted,
  { baseline: loadBaseline, turns }: Pick<PagesDependencies, 'baseline' | 'turns'>,
): Promise<Examination> {
  await turns.take();
  const profile = read(text, 'profile');
  const findings = lint(profile);
  const baseline = await loadBaseline();
  await turns.take();
  const onNode = settled((): OnNode => {
    refuseMisspelt(profile.unknownFields ?? []);
    refuseDependent(profile);
    const counts = profile.kind === 'Seccomp' && countCalls(compareCalls(profile.seccomp, baseline));
    const stricter = constraintsInWords(profile, baselineOf(profile, baseline), native);
    return { stricter, ...(counts && { counts }) };
  });
  if (other.trim() === '') return { kind: profile.kind, findings, onNode };
  await turns.take();
  const differences = settled(() => differencesInWords(read(other, 'older profile'), profile, native));
  return { kind: profile.kind, findings, onNode, differences };
}

/** Nodes refuse what is not the same for all containers. */
function refuseDependent({ docker }: Profile): void {
  if (docker?.dependsOnContainer !== true) return;
  const message = 'nodes refuse the form of Docker and Podman: what it permits depends on the container';
  throw new FairleadError('ProfileInvalid', message, {
    hint: `Write the profile that a container gets: ${convertCommand}`,
  });
}

/** Only seccomp and AppArmor have a default profile of runtimes. */
function baselineOf({ kind }: Profile, seccomp: SeccompProfile): Profile | undefined {
  if (kind === 'Seccomp') return { kind, seccomp };
  return kind === 'AppArmor' ? { kind, apparmor: runtimeDefaultAppArmor } : undefined;
}

function read(text: string, name: string): Profile {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > pastedLimit) {
    throw new FairleadError('LimitExceeded', `the ${name} has ${bytes.length} bytes: want at most ${pastedLimit}`, {
      hint: 'For larger profiles, use fairlead lint, explain and diff.',
    });
  }
  const host = { architecture, kernel: undefined, capabilities: defaultCapabilities('containerd') } as const;
  return importProfile(bytes, name, {
    host,
    places: true,
    blankHint: 'Paste a profile, in any form that Fairlead reads.',
  });
}

function settled<T>(step: () => T): T | FairleadError {
  try {
    return step();
  } catch (error) {
    if (error instanceof FairleadError) return error;
    throw error;
  }
}
