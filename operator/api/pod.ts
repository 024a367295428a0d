import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { describeIssue } from './describe-issue.ts';
import { stringMap } from './string-map.ts';

const absentOr = <T extends v.GenericSchema>(schema: T) =>
  v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );

/** Kubernetes 1.38 and newer (KEP-6061), whose text calls the reference by both names. */
const ociSchema = v.pipe(
  v.object({
    ref: absentOr(v.string()),
    reference: absentOr(v.string()),
    baseProfile: absentOr(v.object({ type: v.string(), localhostProfile: absentOr(v.string()) })),
  }),
  v.transform(({ ref, reference, baseProfile }) => ({ reference: ref ?? reference, baseProfile })),
);

const seccompProfileSchema = v.object({
  type: v.string(),
  localhostProfile: absentOr(v.string()),
  oci: absentOr(ociSchema),
});

/** More than any node runs. Patches and messages, which mention each container, must stay small. */
const mostContainers = 1000;

const appArmorProfile = absentOr(v.object({ type: v.string(), localhostProfile: absentOr(v.string()) }));

const containerSchema = v.object({
  name: v.string(),
  image: absentOr(v.string()),
  securityContext: absentOr(
    v.object({
      seccompProfile: absentOr(seccompProfileSchema),
      appArmorProfile,
      privileged: absentOr(v.boolean()),
    }),
  ),
});

// The number is checked before any of them is read.
const containerList = v.pipe(v.array(v.unknown()), v.maxLength(mostContainers), v.array(containerSchema));

const podSchema = v.object({
  metadata: v.object({ labels: absentOr(stringMap), annotations: absentOr(stringMap) }),
  spec: v.object({
    os: absentOr(v.object({ name: v.string() })),
    nodeSelector: absentOr(stringMap),
    securityContext: absentOr(v.object({ seccompProfile: absentOr(seccompProfileSchema), appArmorProfile })),
    initContainers: absentOr(containerList),
    containers: containerList,
    ephemeralContainers: absentOr(containerList),
  }),
});

/** core/v1 SeccompProfile. */
export type PodSeccompProfile = v.InferOutput<typeof seccompProfileSchema>;

/** The part of a core/v1 Container that decides its profiles. */
export type PodContainer = v.InferOutput<typeof containerSchema>;

/** The part of a core/v1 Pod that decides which profiles it runs under. */
export type Pod = v.InferOutput<typeof podSchema>;

/** Reads a pod out of an admission request. Throws InvalidInput that names the field at fault. */
export function parsePod(object: unknown): Pod {
  const parsed = v.safeParse(podSchema, object, { abortEarly: true });
  if (parsed.success) return parsed.output;
  throw new FairleadError('InvalidInput', `invalid pod: ${describeIssue(parsed.issues[0], 'the object')}`);
}
