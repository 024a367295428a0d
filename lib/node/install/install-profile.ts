import type { ProfileMode } from '#lib/profile/constraint';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import type { EffectiveFiles } from '../store/effective-files.ts';
import type { InstalledAppArmor } from './apparmor/installed-profiles.ts';
import { installSeccomp } from './seccomp/install.ts';

/** The form in which a runtime is given an effective profile, by kind. */
export type Installed = InstalledSeccomp | InstalledAppArmorProfile;

/** A seccomp profile as a file. */
export interface InstalledSeccomp {
  readonly kind: 'Seccomp';
  /** The absolute path of its file. */
  readonly path: string;
}

/** An AppArmor profile in the kernel. */
export interface InstalledAppArmorProfile {
  readonly kind: 'AppArmor';
  readonly name: string;
}

/** A kind of profiles that nodes can install. */
export type InstallableKind = Installed['kind'];

/** The kinds of profiles that nodes can install. */
export const installableKinds: readonly InstallableKind[] = ['Seccomp', 'AppArmor'] satisfies readonly RuntimeKind[];

/** Reports whether nodes can install profiles of a kind. */
export function isInstallable(kind: string): kind is InstallableKind {
  return installableKinds.some((installable) => installable === kind);
}

/** Where profiles are installed, by kind. */
export interface InstallDependencies {
  readonly seccomp: Pick<EffectiveFiles, 'holds' | 'put'>;
  readonly appArmor: Pick<InstalledAppArmor, 'holds' | 'put'>;
}

/** How a profile is installed. */
export interface InstallOptions {
  /** Absent if the profile is enforced. */
  readonly mode?: ProfileMode | undefined;
  readonly signal: AbortSignal;
}

/**
 * Makes an effective profile available to the runtime of this node: a seccomp profile as a file, an
 * AppArmor profile in the kernel. Throws as EffectiveFiles.put and InstalledAppArmor.put do.
 */
export async function installProfile(
  profile: RuntimeProfile,
  { seccomp, appArmor }: InstallDependencies,
  { mode, signal }: InstallOptions,
): Promise<Installed> {
  switch (profile.kind) {
    case 'Seccomp':
      return { kind: profile.kind, path: await installSeccomp(profile.seccomp, seccomp) };
    case 'AppArmor':
      return { kind: profile.kind, name: await appArmor.put(profile.apparmor, mode, signal) };
  }
}

/** Reports whether a profile is still installed as it was. Keeps it then as installProfile does. */
export async function isInstalled(installed: Installed, { seccomp, appArmor }: InstallDependencies): Promise<boolean> {
  switch (installed.kind) {
    case 'Seccomp':
      return seccomp.holds(installed.path);
    case 'AppArmor':
      return appArmor.holds(installed.name);
  }
}
