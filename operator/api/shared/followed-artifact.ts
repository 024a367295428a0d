import * as v from 'valibot';
import { artifactReferenceSchema, pinnedReferenceSchema } from './artifact-reference.ts';
import { conditionsSchema, observedGenerationSchema } from './condition.ts';
import { atomicListOf, count, kubernetes, rule } from './kubernetes.ts';
import { pullSecretSchema } from './pull-secret.ts';

/** A duration as Go writes it, in hours, minutes and seconds. */
const duration = /^([0-9]+h)?([0-9]+m)?([0-9]+s)?$/;
const shortestInterval = 60;
const longestInterval = 7 * 24 * 3600;

/** Returns the seconds of a duration such as `1h30m`, or NaN for another text. */
export function secondsOf(text: string): number {
  const [matched, hours, minutes, seconds] = duration.exec(text) ?? [];
  if (matched === undefined || matched === '') return Number.NaN;
  const number = (part: string | undefined): number => Number.parseInt(part ?? '0', 10);
  return number(hours) * 3600 + number(minutes) * 60 + number(seconds);
}

const updateSchema = v.pipe(
  v.object({
    policy: v.optional(
      v.pipe(
        v.picklist(['Pinned', 'Track']),
        v.description(
          'Pinned: the tag is resolved once, and again only if the specification changes. Track: it is resolved again after each ' +
            'interval, and a verified new digest replaces the one in force.',
        ),
      ),
      'Pinned',
    ),
    interval: v.optional(
      v.pipe(
        v.string(),
        v.maxLength(32),
        ...rule<string>({
          rule: `self.matches('${duration.source}') && self != '' && duration(self) >= duration('${shortestInterval}s') && duration(self) <= duration('${longestInterval}s')`,
          message: 'must be a duration from 1m to 168h, such as 10m or 1h30m',
          holds: (text) => secondsOf(text) >= shortestInterval && secondsOf(text) <= longestInterval,
        }),
        v.description('The time from one check of the registry to the next, such as 10m.'),
      ),
      '10m',
    ),
    allowLooser: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          'Whether a new digest may permit anything that the one in force does not. By default such a digest is not taken, and the ' +
            'condition UpToDate says so.',
        ),
      ),
      false,
    ),
  }),
  v.description('When another digest replaces the one in force.'),
);

const time = (description: string) =>
  v.pipe(v.string(), kubernetes({ format: 'date-time' }), v.description(description));
const digestSchema = v.pipe(v.string(), v.description('The digest of the manifest.'));

const signerSchema = v.object({
  key: v.optional(
    v.pipe(
      v.string(),
      v.description(
        'The SHA-256 fingerprint of the key, as `fairlead keygen` prints it; the name of its file if the operator decides by a policy file.',
      ),
    ),
  ),
  identity: v.optional(v.pipe(v.string(), v.description('The identity in the certificate.'))),
  issuer: v.optional(v.pipe(v.string(), v.description('The issuer that vouched for the identity.'))),
  logIndex: v.optional(
    v.pipe(v.string(), v.description('The index of the entry in the transparency log, in decimal digits.')),
  ),
});

const changeSchema = v.object({
  digest: digestSchema,
  since: time('When the digest came into force.'),
  loosened: v.optional(count('int64', 'How many system calls or rules it permits that the digest before it did not.')),
  tightened: v.optional(
    count('int64', 'How many system calls or rules the digest before it permitted that it does not.'),
  ),
  summary: v.optional(
    v.pipe(v.string(), v.maxLength(1024), v.description('What it changed against the digest before it, in words.')),
  ),
});

/** The status of ProfileArtifact and ClusterProfileArtifact. */
export const followedArtifactStatusSchema = v.pipe(
  v.object({
    observedGeneration: observedGenerationSchema('status'),
    reference: v.optional(
      v.pipe(
        v.string(),
        v.description('The artifact in force, as registry/repository@digest: what pods are bound to.'),
      ),
    ),
    digest: v.optional(digestSchema),
    kind: v.optional(v.pipe(v.string(), v.description('What kind of profile it is.'))),
    size: v.optional(count('int64', 'The size of the profile, in bytes.')),
    signers: v.optional(
      v.pipe(
        atomicListOf(signerSchema),
        v.maxLength(10),
        v.description(
          'Who signed it, of those whom the trust policy requires. Empty if it accepts unsigned artifacts.',
        ),
      ),
    ),
    rule: v.optional(v.pipe(v.string(), v.description('The pattern of the rule of the trust policy that allows it.'))),
    policy: v.optional(
      v.pipe(v.string(), v.description('The revision of the trust policy by which the digest in force was verified.')),
    ),
    lastCheckTime: v.optional(time('When the registry was asked last, successfully or not.')),
    refused: v.optional(
      v.pipe(
        v.object({
          digest: v.optional(digestSchema),
          reason: v.pipe(v.string(), v.description('Why, in one word for programs.')),
          message: v.pipe(v.string(), v.maxLength(4096), v.description('Why, with the next step.')),
        }),
        v.description('What the registry has now, if it was not taken.'),
      ),
    ),
    withdrawn: v.optional(
      v.pipe(
        v.object({
          reference: v.pipe(v.string(), v.description('The artifact, as registry/repository@digest.')),
          digest: digestSchema,
          kind: v.pipe(v.string(), v.description('What kind of profile it is.')),
          reason: v.pipe(
            v.string(),
            v.description('Why the trust policy no longer allows it, in one word for programs.'),
          ),
          message: v.pipe(v.string(), v.maxLength(4096), v.description('Why, with the next step.')),
        }),
        v.description(
          'What was in force last, if the trust policy no longer allows it and nothing has come into force since. The next digest is ' +
            'compared with it.',
        ),
      ),
    ),
    history: v.optional(
      v.pipe(
        atomicListOf(changeSchema),
        v.maxLength(10),
        v.description('The digests that were in force, the current one first.'),
      ),
    ),
    conditions: v.optional(conditionsSchema),
  }),
  v.description('What the operator reports of the artifact.'),
);

/** The status of ProfileArtifact and ClusterProfileArtifact. */
export type FollowedArtifactStatus = v.InferOutput<typeof followedArtifactStatusSchema>;

/**
 * Returns the schema of ProfileArtifact or ClusterProfileArtifact.
 *
 * @param secretOf the namespace of its Secret
 */
export function followedArtifactSchema(secretOf: 'the object' | 'the operator') {
  const specSchema = v.object({
    reference: v.optional(
      v.pipe(
        artifactReferenceSchema,
        v.description('The artifact, as registry/repository:tag or registry/repository@sha256:<64 hex digits>.'),
      ),
    ),
    image: v.optional(
      v.pipe(
        pinnedReferenceSchema,
        v.description(
          'In place of a reference: the container image to which the artifact is attached, as registry/repository@sha256:<64 hex ' +
            'digits>. The newest attached profile that the trust policy accepts is used.',
        ),
      ),
    ),
    kind: v.optional(
      v.pipe(v.picklist(['Seccomp', 'AppArmor']), v.description('What kind of profile the artifact is.')),
      'Seccomp',
    ),
    update: v.optional(updateSchema),
    pullSecret: v.optional(
      pullSecretSchema(
        `A Secret of type kubernetes.io/dockerconfigjson in the namespace of ${secretOf}, with which the operator reads the registry. Nodes do not use ` +
          'it: they need a credential provider, or credentials of their own.',
      ),
    ),
  });
  return v.object({
    spec: v.pipe(
      specSchema,
      ...rule<v.InferOutput<typeof specSchema>>({
        rule: 'has(self.reference) != has(self.image)',
        message: 'must have either reference or image',
        holds: ({ reference, image }) => (reference === undefined) !== (image === undefined),
      }),
      v.description('Which artifact, and when another digest of it is taken.'),
    ),
    status: v.optional(followedArtifactStatusSchema),
  });
}

/** The columns of `kubectl get`. */
export const followedArtifactColumns = [
  { name: 'Reference', type: 'string', jsonPath: '.spec.reference' },
  { name: 'Digest', type: 'string', jsonPath: '.status.digest' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'UpToDate', type: 'string', jsonPath: '.status.conditions[?(@.type=="UpToDate")].status' },
  { name: 'NodesAccept', type: 'string', jsonPath: '.status.conditions[?(@.type=="NodesAccept")].status' },
  { name: 'Checked', type: 'date', jsonPath: '.status.lastCheckTime' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
] as const;
