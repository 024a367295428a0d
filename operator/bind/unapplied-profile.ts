import type { Pod } from '../api/pod.ts';
import { namedProfile } from './bound-profile.ts';
import { podSetting, type SeccompSetting } from './seccomp-setting.ts';

/** Before the name of a container: the AppArmor profile of it, for Kubernetes before 1.30. */
export const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';
const marker = 'oci/';

/**
 * Returns why nothing would be applied of an artifact that a container names, or inherits from the
 * pod, if that is so: the container is privileged, and runs without any seccomp profile and, under
 * CRI-O, without any AppArmor profile. Kubernetes accepts this.
 */
export function unappliedProfile(pod: Pod, { title, container, wish, privileged }: SeccompSetting): string | undefined {
  if (!privileged || container === undefined) return undefined;
  const seccomp = wish ?? podSetting(pod).wish;
  const named = seccomp && namedProfile(seccomp);
  if (named !== undefined && 'artifact' in named) {
    return `${title} is privileged, and no seccomp profile applies to that: ${marker}${named.artifact.reference}`;
  }
  const appArmor = appArmorOf(pod, container);
  if (appArmor?.startsWith(marker)) return `${title} is privileged, and AppArmor may not apply to that: ${appArmor}`;
  return undefined;
}

/** Returns the AppArmor profile of a container by its name on the node. */
function appArmorOf(pod: Pod, { name, securityContext }: NonNullable<SeccompSetting['container']>): string | undefined {
  const field = securityContext?.appArmorProfile ?? pod.spec.securityContext?.appArmorProfile;
  // Kubernetes before 1.30 reads the annotation only.
  const annotation = pod.metadata.annotations?.get(`${appArmorAnnotation}${name}`);
  return field?.localhostProfile ?? annotation?.replace(/^localhost\//, '');
}
