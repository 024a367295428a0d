import { create } from '@bufbuild/protobuf';
import type { Installed } from '#lib/node/install/install-profile';
import { type SecurityProfile, SecurityProfile_ProfileType, SecurityProfileSchema } from '../../lib/cri/gen/cri_pb.js';

/** The fields that security contexts of sandboxes and of containers have in common. */
export interface RewritableContext {
  seccomp?: SecurityProfile | undefined;
  seccompProfilePath: string;
}

/**
 * Sets an installed profile in a security context, in place of the request for the artifact.
 * Changes the deprecated string if it is set. Keeps everything else, including unknown fields.
 */
export function rewrite(context: RewritableContext, installed: Installed): void {
  switch (installed.kind) {
    case 'Seccomp':
      rewriteSeccomp(context, installed.path);
  }
}

function rewriteSeccomp(context: RewritableContext, path: string): void {
  const profile = context.seccomp ?? create(SecurityProfileSchema);
  profile.profileType = SecurityProfile_ProfileType.Localhost;
  profile.localhostRef = path;
  profile.ociRef = '';
  delete profile.baseProfile;
  context.seccomp = profile;
  if (context.seccompProfilePath !== '') context.seccompProfilePath = `localhost/${path}`;
}
