import * as v from 'valibot';
import { labelSelectorSchema } from '../label-selector.ts';
import { atomicListOf, kubernetes } from './kubernetes.ts';

const text = (description: string) => v.pipe(v.string(), v.description(description));
const texts = (description: string) => v.optional(v.pipe(atomicListOf(v.string()), v.description(description)));
const number = (format: 'int32' | 'int64', description: string) =>
  v.pipe(v.number(), v.integer(), kubernetes({ format }), v.description(description));

const nodeRequirementSchema = v.object({
  key: text('The key of the label, or the name of the field.'),
  operator: text('How it is compared with values: In, NotIn, Exists, DoesNotExist, Gt or Lt.'),
  values: texts('What it is compared with.'),
});

const nodeTermSchema = v.pipe(
  v.object({
    matchExpressions: v.optional(
      v.pipe(atomicListOf(nodeRequirementSchema), v.description('Requirements on the labels of the node.')),
    ),
    matchFields: v.optional(
      v.pipe(atomicListOf(nodeRequirementSchema), v.description('Requirements on the fields of the node.')),
    ),
  }),
  kubernetes({ mapType: 'atomic' }),
);

const weight = number('int32', 'How much the preference counts, from 1 to 100.');

const nodeAffinitySchema = v.object({
  preferredDuringSchedulingIgnoredDuringExecution: v.optional(
    v.pipe(
      atomicListOf(
        v.object({ preference: v.pipe(nodeTermSchema, v.description('Which nodes are preferred.')), weight }),
      ),
      v.description('Nodes that are preferred.'),
    ),
  ),
  requiredDuringSchedulingIgnoredDuringExecution: v.optional(
    v.pipe(
      v.object({
        nodeSelectorTerms: v.pipe(atomicListOf(nodeTermSchema), v.description('A node must satisfy one of the terms.')),
      }),
      kubernetes({ mapType: 'atomic' }),
      v.description('Nodes that are possible.'),
    ),
  ),
});

const podTermSchema = v.object({
  labelSelector: v.optional(v.pipe(labelSelectorSchema, v.description('Which pods the term is about.'))),
  matchLabelKeys: texts('Keys of labels whose values must be those of the new pod.'),
  mismatchLabelKeys: texts('Keys of labels whose values must not be those of the new pod.'),
  namespaceSelector: v.optional(
    v.pipe(labelSelectorSchema, v.description('In which namespaces the pods are, by their labels.')),
  ),
  namespaces: texts('In which namespaces the pods are. That of the new pod by default.'),
  topologyKey: text('The label of nodes whose value says which nodes are one place.'),
});

const podAffinitySchema = v.object({
  preferredDuringSchedulingIgnoredDuringExecution: v.optional(
    v.pipe(
      atomicListOf(
        v.object({ podAffinityTerm: v.pipe(podTermSchema, v.description('Which pods are preferred.')), weight }),
      ),
      v.description('Pods that are preferred.'),
    ),
  ),
  requiredDuringSchedulingIgnoredDuringExecution: v.optional(
    v.pipe(atomicListOf(podTermSchema), v.description('Pods that are required. All terms must hold.')),
  ),
});

/** core/v1 Affinity. */
export const affinitySchema = v.object({
  nodeAffinity: v.optional(v.pipe(nodeAffinitySchema, v.description('On which nodes pods run.'))),
  podAffinity: v.optional(v.pipe(podAffinitySchema, v.description('Next to which other pods they run.'))),
  podAntiAffinity: v.optional(v.pipe(podAffinitySchema, v.description('Apart from which other pods they run.'))),
});

/** core/v1 Toleration. */
export const tolerationSchema = v.object({
  effect: v.optional(text('The effect of the taint: NoSchedule, PreferNoSchedule or NoExecute. All by default.')),
  key: v.optional(text('The key of the taint. All by default, with the operator Exists.')),
  operator: v.optional(text('How the value is compared: Equal, the default, or Exists.')),
  tolerationSeconds: v.optional(number('int64', 'How long NoExecute is tolerated. Forever by default.')),
  value: v.optional(text('The value of the taint.')),
});
