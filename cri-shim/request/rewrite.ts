import { create } from '@bufbuild/protobuf';
import type { Installed } from '#lib/node/install/install-profile';
import { type SecurityProfile, SecurityProfile_ProfileType, SecurityProfileSchema } from '../../lib/cri/gen/cri_pb.js';

/** The fields of a security context that name profiles. A sandbox has no string for AppArmor. */
export interface RewritableContext {
  seccomp?: SecurityProfile | undefined;
  seccompProfilePath: string;
  apparmor?: SecurityProfile | undefined;
  apparmorProfile?: string;
}

/**
 * Sets an installed profile in a security context, in place of the request for the artifact.
 * Keeps everything else, including unknown fields. Changes the deprecated string of seccomp if it
 * is set. Sets that of AppArmor always: containerd before 1.6 reads nothing else, and in CRI-O
 * `runtime/default` in it would count more than the field.
 */
export function rewrite(context: RewritableContext, installed: Installed): void {
  switch (installed.kind) {
    case 'Seccomp':
      context.seccomp = localhost(context.seccomp, installed.path);
      if (context.seccompProfilePath !== '') context.seccompProfilePath = `localhost/${installed.path}`;
      return;
    case 'AppArmor':
      context.apparmor = localhost(context.apparmor, installed.name);
      context.apparmorProfile = `localhost/${installed.name}`;
  }
}

function localhost(profile = create(SecurityProfileSchema), localhostRef: string): SecurityProfile {
  profile.profileType = SecurityProfile_ProfileType.Localhost;
  profile.localhostRef = localhostRef;
  profile.ociRef = '';
  delete profile.baseProfile;
  return profile;
}
