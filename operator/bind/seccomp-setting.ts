import { quote } from '../../lib/text/quote.ts';
import type { Pod, PodContainer, PodSeccompProfile } from '../api/pod.ts';

/**
 * A place of a pod that can have a seccomp profile: the pod itself, or one of its containers. The
 * setting of a container wins over that of the pod.
 */
export interface SeccompSetting {
  /** The name of the place in messages: `the pod`, `container "app"`. */
  readonly title: string;
  /**
   * Identifies the place in other versions of the pod: its list, and the name of the container.
   * Empty for the pod itself.
   */
  readonly key: string;
  /** The container; absent for the pod itself. */
  readonly container?: PodContainer;
  /** JSON pointer of the object that has the securityContext. */
  readonly pointer: string;
  readonly hasSecurityContext: boolean;
  /** The value of the field, if any. */
  readonly field: PodSeccompProfile | undefined;
  /**
   * The profile that the author of the pod wants here: the field, or else the annotation, which
   * Kubernetes 1.19 to 1.26 reads instead.
   */
  readonly wish: PodSeccompProfile | undefined;
  /** The key of that annotation, if the pod has it. */
  readonly annotation: string | undefined;
  readonly privileged: boolean;
}

/** The seccomp profile of a pod, and before the name of a container that of it (KEP-135). */
export const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
export const containerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

type ContainerList = 'initContainers' | 'containers' | 'ephemeralContainers';

const titles: Readonly<Record<ContainerList, string>> = {
  initContainers: 'init container',
  containers: 'container',
  ephemeralContainers: 'ephemeral container',
};

/** Returns the setting of the pod itself. */
export function podSetting(pod: Pod): SeccompSetting {
  const { securityContext } = pod.spec;
  return {
    title: 'the pod',
    key: '',
    pointer: '/spec',
    hasSecurityContext: securityContext !== undefined,
    ...fieldOrAnnotation(pod, securityContext?.seccompProfile, podAnnotation),
    privileged: false,
  };
}

/**
 * Returns the settings of the containers in one list of the pod, in its order. An annotation does
 * not count for an ephemeral container: it can only have been written for an earlier container.
 */
function containerSettings(pod: Pod, list: ContainerList): SeccompSetting[] {
  return (pod.spec[list] ?? []).map((container, index) => {
    const { name, securityContext } = container;
    const field = securityContext?.seccompProfile;
    return {
      title: `${titles[list]} ${quote(name)}`,
      key: `${list}/${name}`,
      container,
      pointer: `/spec/${list}/${index}`,
      hasSecurityContext: securityContext !== undefined,
      ...(list === 'ephemeralContainers'
        ? { field, wish: field, annotation: undefined }
        : fieldOrAnnotation(pod, field, `${containerAnnotation}${name}`)),
      privileged: securityContext?.privileged === true,
    };
  });
}

/** Returns the settings of all places of a pod: its own, then those of its containers. */
export function allSettings(pod: Pod): SeccompSetting[] {
  return [
    podSetting(pod),
    ...containerSettings(pod, 'initContainers'),
    ...containerSettings(pod, 'containers'),
    ...containerSettings(pod, 'ephemeralContainers'),
  ];
}

function fieldOrAnnotation(
  pod: Pod,
  field: PodSeccompProfile | undefined,
  key: string,
): Pick<SeccompSetting, 'field' | 'wish' | 'annotation'> {
  const value = pod.metadata.annotations?.get(key);
  return {
    field,
    wish: field ?? (value === undefined ? undefined : profileOfAnnotation(value)),
    annotation: value === undefined ? undefined : key,
  };
}

/**
 * Returns the profile of an annotation, as Kubernetes read them before the field existed (KEP-135).
 */
function profileOfAnnotation(value: string): PodSeccompProfile {
  const profile = { localhostProfile: undefined, oci: undefined };
  if (value === 'runtime/default' || value === 'docker/default') return { ...profile, type: 'RuntimeDefault' };
  if (value === 'unconfined') return { ...profile, type: 'Unconfined' };
  if (value.startsWith('localhost/')) {
    return { ...profile, type: 'Localhost', localhostProfile: value.slice('localhost/'.length) };
  }
  return { ...profile, type: value };
}
