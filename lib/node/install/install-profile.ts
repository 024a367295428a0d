import { FairleadError } from '#lib/errors';
import type { RuntimeProfile } from '#lib/profile/profile';
import { renderProfile } from '#lib/profile/render-profile';
import type { Store } from '../store/store.ts';

/** The form in which a runtime is given an effective profile, by kind. */
export type Installed = {
  readonly kind: 'Seccomp';
  /** The absolute path of its file. */
  readonly path: string;
};

/** A kind of profiles that nodes can install. */
export type InstallableKind = Installed['kind'];

/** The kinds of profiles that nodes can install. */
export const installableKinds: readonly InstallableKind[] = ['Seccomp'];

/** Reports whether nodes can install profiles of a kind. */
export function isInstallable(kind: string): kind is InstallableKind {
  return installableKinds.some((installable) => installable === kind);
}

/**
 * Makes an effective profile available to the runtime of this node: a seccomp profile becomes a
 * file of the store. Throws InvalidInput for a kind that nodes cannot install, and as the store
 * does.
 */
export async function installProfile(
  profile: RuntimeProfile,
  { effective }: Pick<Store, 'effective'>,
): Promise<Installed> {
  switch (profile.kind) {
    case 'Seccomp':
      return { kind: profile.kind, path: await effective.put(renderProfile(profile)) };
    case 'AppArmor':
      throw new FairleadError('InvalidInput', `nodes cannot install profiles of kind ${profile.kind}`, {
        hint: `Use a profile of kind ${installableKinds.join(' or ')}.`,
      });
  }
}
