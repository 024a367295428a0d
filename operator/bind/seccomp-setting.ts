import { quote } from '../../lib/text/quote.ts';
import type { Pod, PodContainer, PodSeccompProfile } from '../api/pod.ts';

/**
 * One place of a pod where a seccomp profile may stand: the pod itself, or one of its containers. A
 * container's own setting wins over the pod's.
 */
export interface SeccompSetting {
  /** How people call the place: `the pod`, `container "app"`. */
  readonly title: string;
  /**
   * What is the same in the same place of another version of the pod: its list, and the container's
   * name.
   */
  readonly key: string;
  /** JSON pointer of what the securityContext stands in. */
  readonly pointer: string;
  readonly hasSecurityContext: boolean;
  /** What stands in the field, if anything. */
  readonly field: PodSeccompProfile | undefined;
  /**
   * What the pod's author wants here: the field, or else the annotation, which Kubernetes 1.19 to
   * 1.26 takes for it.
   */
  readonly wish: PodSeccompProfile | undefined;
  /** The key of that annotation, if the pod has it. */
  readonly annotation: string | undefined;
  readonly privileged: boolean;
}

type ContainerList = 'initContainers' | 'containers' | 'ephemeralContainers';

const titles: Readonly<Record<ContainerList, string>> = {
  initContainers: 'init container',
  containers: 'container',
  ephemeralContainers: 'ephemeral container',
};

/** The setting of the pod itself. */
export function podSetting(pod: Pod): SeccompSetting {
  const { securityContext } = pod.spec;
  return {
    title: 'the pod',
    key: '',
    pointer: '/spec',
    hasSecurityContext: securityContext !== undefined,
    ...fieldOrAnnotation(pod, securityContext?.seccompProfile, 'seccomp.security.alpha.kubernetes.io/pod'),
    privileged: false,
  };
}

/**
 * The settings of the containers in one of the pod's lists, in the pod's order. An annotation does
 * not count for an ephemeral container: it can only have been written for a container that was
 * there first.
 */
function containerSettings(pod: Pod, list: ContainerList): SeccompSetting[] {
  return (pod.spec[list] ?? []).map(({ name, securityContext }: PodContainer, index) => {
    const field = securityContext?.seccompProfile;
    return {
      title: `${titles[list]} ${quote(name)}`,
      key: `${list}/${name}`,
      pointer: `/spec/${list}/${index}`,
      hasSecurityContext: securityContext !== undefined,
      ...(list === 'ephemeralContainers'
        ? { field, wish: field, annotation: undefined }
        : fieldOrAnnotation(pod, field, `container.seccomp.security.alpha.kubernetes.io/${name}`)),
      privileged: securityContext?.privileged === true,
    };
  });
}

/** The settings of all places of a pod: its own, then those of its containers of every sort. */
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

/** Kubernetes' reading of the annotations that came before the field (KEP-135). */
function profileOfAnnotation(value: string): PodSeccompProfile {
  const profile = { localhostProfile: undefined, oci: undefined };
  if (value === 'runtime/default' || value === 'docker/default') return { ...profile, type: 'RuntimeDefault' };
  if (value === 'unconfined') return { ...profile, type: 'Unconfined' };
  if (value.startsWith('localhost/')) {
    return { ...profile, type: 'Localhost', localhostProfile: value.slice('localhost/'.length) };
  }
  return { ...profile, type: value };
}
