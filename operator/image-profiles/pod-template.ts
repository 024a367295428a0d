import * as v from 'valibot';
import { formatImageName, parseImageName } from '../api/shared/image-name.ts';
import { stringMap } from '../api/string-map.ts';
import type { BoundContainer } from '../bind/specificity.ts';
import type { RunningPod } from '../coverage/running-pod.ts';

/** What pods are made of, reduced to what decides which profiles of images they need. */
export interface PodTemplate {
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Those whose image is named by its digest. */
  readonly containers: readonly BoundContainer[];
}

const containers = v.nullish(v.array(v.object({ name: v.string(), image: v.optional(v.string(), '') })), []);
const podSchema = v.object({
  metadata: v.nullish(v.object({ labels: v.nullish(stringMap) })),
  spec: v.object({ containers, initContainers: containers, ephemeralContainers: containers }),
});
const placeSchema = v.object({ metadata: v.object({ namespace: v.string() }) });
const workloadSchema = v.object({ ...placeSchema.entries, spec: v.object({ template: podSchema }) });

/** Reads the template of what makes pods, such as a ReplicaSet or a Job. Throws valibot's error. */
export function parseWorkloadTemplate(object: unknown): PodTemplate {
  const { metadata, spec } = v.parse(workloadSchema, object);
  return templateOf(metadata.namespace, spec.template);
}

/** Returns the template that a pod of the cluster would have. */
export function templateOfPod({ namespace, pod }: Pick<RunningPod, 'namespace' | 'pod'>): PodTemplate {
  return templateOf(namespace, pod);
}

interface NamedImage {
  readonly name: string;
  readonly image?: string | undefined;
}

interface Template {
  readonly metadata?: { readonly labels?: ReadonlyMap<string, string> | null | undefined } | null | undefined;
  readonly spec: {
    readonly [List in 'containers' | 'initContainers' | 'ephemeralContainers']?:
      | readonly NamedImage[]
      | null
      | undefined;
  };
}

function templateOf(namespace: string, { metadata, spec }: Template): PodTemplate {
  const all = [spec.containers, spec.initContainers, spec.ephemeralContainers].flatMap((each) => each ?? []);
  const named = all.flatMap(({ name, image: text = '' }): BoundContainer[] => {
    const image = parseImageName(text);
    return image?.digest === undefined ? [] : [{ name, image }];
  });
  return { namespace, labels: named.length === 0 ? new Map() : (metadata?.labels ?? new Map()), containers: named };
}

/** Returns the name of the image of a container without its tag; undefined without a digest. */
export function pinnedImageOf({ image }: BoundContainer): string | undefined {
  if (image?.digest === undefined) return undefined;
  return formatImageName({ repository: image.repository, digest: image.digest });
}
