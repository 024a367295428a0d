import * as v from 'valibot';
import { bindingSelectorSchema } from '../label-selector.ts';
import { pinnedReferenceSchema } from './artifact-reference.ts';
import { conditionsSchema, observedGenerationSchema } from './condition.ts';
import { imagePatternSchema } from './image-pattern.ts';
import { atomicListOf, count, rule, setOf } from './kubernetes.ts';
import { objectNameSchema } from './object-name.ts';

/** What annotations, pods and references call profiles: as files, no node has them. */
const writtenForElsewhere = /^(localhost\/.*|(runtime|docker)\/default|runtimedefault|unconfined)$/i;

/** No segment begins with a dot, and nothing in it needs an escape after `?base=`. */
const basePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;

const baseSchema = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(basePattern),
  v.check(
    (path) => path === 'RuntimeDefault' || !writtenForElsewhere.test(path),
    'must be RuntimeDefault, or a path below the seccomp directory of the kubelet, without the prefix localhost/',
  ),
  v.description(
    'What the artifact is intersected with as well: what either of them forbids is forbidden. RuntimeDefault is the default of ' +
      "the node's runtime; anything else names a profile file below the kubelet's seccomp directory on the node.",
  ),
);

const containerName = v.pipe(v.string(), v.maxLength(63), v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/));

/** What ArtifactBinding and ClusterArtifactBinding have in common. */
export const bindingEntries = {
  reference: v.optional(
    v.pipe(
      pinnedReferenceSchema,
      v.description(
        'The artifact, as registry/repository@sha256:<64 hex digits>. For an artifact that is followed by its tag, name a ' +
          'ProfileArtifact or ClusterProfileArtifact in artifactRef instead.',
      ),
    ),
  ),
  profileFrom: v.optional(
    v.pipe(
      v.picklist(['ImageReferrers']),
      v.description(
        'ImageReferrers: each container gets the profile that is attached to its image. The image must be named by its digest.',
      ),
    ),
  ),
  kind: v.optional(v.pipe(v.picklist(['Seccomp']), v.description('What kind of profile the artifact is.')), 'Seccomp'),
  base: v.optional(baseSchema),
  mode: v.optional(
    v.pipe(
      v.picklist(['Enforce', 'Log']),
      v.description(
        'Log: what only the artifact refuses is permitted and logged on the node; what the baseline of the node refuses is ' +
          'refused as always. Nodes accept it only where their policy does.',
      ),
    ),
    'Enforce',
  ),
  podSelector: v.pipe(
    bindingSelectorSchema,
    v.description(
      'Which pods are bound, by their labels. All requirements must hold. The empty selector, podSelector: {}, binds every pod.',
    ),
  ),
  images: v.optional(
    v.pipe(
      setOf(imagePatternSchema),
      v.minLength(1),
      v.maxLength(64),
      v.description(
        'Which containers are bound, by their images: those that one of the patterns matches. registry/repository, in which * is ' +
          'any part of one segment and ** any number of segments, then optionally :tag, in which * is any part, or @digest. ' +
          'Images are compared by their full names: nginx is docker.io/library/nginx:latest. All by default.',
      ),
    ),
  ),
  containers: v.optional(
    v.pipe(
      setOf(containerName),
      v.minLength(1),
      v.maxLength(64),
      v.description('Which containers are bound, by their names; init and ephemeral containers too. All by default.'),
    ),
  ),
};

const sources = ['reference', 'artifactRef', 'profileFrom'] as const;

/** Returns the actions of the rules for the whole specification of a binding. */
export function bindingRules<T extends { readonly [source in (typeof sources)[number]]?: unknown }>() {
  return [
    ...rule<T>({
      rule: `[${sources.map((source) => `has(self.${source})`).join(', ')}].filter(given, given).size() == 1`,
      message: 'must have exactly one of reference, artifactRef and profileFrom',
      holds: (spec) => sources.filter((source) => spec[source] !== undefined).length === 1,
    }),
  ] as const;
}

/** Returns the schema of what names a ProfileArtifact or ClusterProfileArtifact. */
export function artifactRefSchema<const Kind extends 'ProfileArtifact' | 'ClusterProfileArtifact'>(
  kinds: readonly Kind[],
) {
  return v.pipe(
    v.object({
      kind: v.pipe(v.picklist(kinds), v.description('The kind of the object.')),
      name: v.pipe(objectNameSchema, v.description('The name of the object.')),
    }),
    v.description('The object whose artifact is bound: the digest that it has verified last.'),
  );
}

const conflictSchema = v.object({
  pod: v.pipe(v.string(), v.description('The pod, as namespace/name.')),
  message: v.pipe(v.string(), v.maxLength(1024), v.description('What contradicts the binding.')),
});

/** The status of ArtifactBinding and ClusterArtifactBinding. */
export const bindingStatusSchema = v.pipe(
  v.object({
    observedGeneration: observedGenerationSchema('status'),
    reference: v.optional(
      v.pipe(v.string(), v.description('The artifact that new pods get. Absent with profileFrom.')),
    ),
    matchedPods: v.optional(count('int32', 'How many running pods the binding decides on.')),
    outdatedPods: v.optional(
      count(
        'int32',
        'How many of them run under another profile, such as the previous digest. Restart them to change that.',
      ),
    ),
    conflicts: v.optional(
      v.pipe(
        atomicListOf(conflictSchema),
        v.maxLength(10),
        v.description(
          'Running pods on which another binding decides as specifically, with another profile. At most 10.',
        ),
      ),
    ),
    conditions: v.optional(conditionsSchema),
  }),
  v.description('What the operator reports of the binding.'),
);

/** The columns of `kubectl get`. */
export const bindingColumns = [
  { name: 'Reference', type: 'string', jsonPath: '.status.reference' },
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Pods', type: 'integer', jsonPath: '.status.matchedPods' },
  { name: 'Outdated', type: 'integer', jsonPath: '.status.outdatedPods' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'NodesAccept', type: 'string', jsonPath: '.status.conditions[?(@.type=="NodesAccept")].status' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
] as const;
