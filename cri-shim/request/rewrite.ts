import { create } from '@bufbuild/protobuf';
import { type SecurityProfile, SecurityProfile_ProfileType, SecurityProfileSchema } from '../../lib/cri/gen/cri_pb.js';

/** The seccomp fields that sandboxes and containers have alike. */
interface SeccompFields {
  seccomp?: SecurityProfile | undefined;
  seccompProfilePath: string;
}

/**
 * Makes a security context name a profile file, whatever way it asked for the artifact. Nothing
 * else in it changes; of the profile, fields that we do not know stay too. The deprecated string
 * follows where it was set.
 */
export function rewriteSeccomp(context: SeccompFields, path: string): void {
  const profile = context.seccomp ?? create(SecurityProfileSchema);
  profile.profileType = SecurityProfile_ProfileType.Localhost;
  profile.localhostRef = path;
  profile.ociRef = '';
  delete profile.baseProfile;
  context.seccomp = profile;
  if (context.seccompProfilePath !== '') context.seccompProfilePath = `localhost/${path}`;
}
