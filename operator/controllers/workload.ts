import * as v from 'valibot';
import { stringMap } from '../api/string-map.ts';

/** More profiles of one pod are not held: pods of thousands of containers may name as many. */
const mostUses = 64;
/**
 * A use has at most the name of an object (253 characters) with its kind, directory and extension.
 */
const longestUse = 253 + 'seccomp:operator/.json'.length;

const absentOr = <T extends v.GenericSchema>(schema: T) =>
  v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );

const localhostProfile = absentOr(v.object({ type: v.optional(v.string()), localhostProfile: absentOr(v.string()) }));

const securityContext = absentOr(
  v.object({
    seccompProfile: localhostProfile,
    appArmorProfile: localhostProfile,
    seLinuxOptions: absentOr(v.object({ type: absentOr(v.string()) })),
  }),
);

const containers = v.nullish(v.array(v.object({ securityContext })), []);

const workloadSchema = v.pipe(
  v.object({
    metadata: v.object({ namespace: v.string(), name: v.string(), annotations: absentOr(stringMap) }),
    spec: v.object({
      nodeName: absentOr(v.string()),
      securityContext,
      containers,
      initContainers: containers,
      ephemeralContainers: containers,
    }),
    status: absentOr(v.object({ phase: absentOr(v.string()) })),
  }),
  v.transform(({ metadata, spec, status }): Workload => {
    const contexts = [spec, ...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers].flatMap((each) =>
      each.securityContext === undefined ? [] : [each.securityContext],
    );
    const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    const named = isOver ? [] : [...contexts.flatMap(usedBy), ...usedByAnnotations(metadata.annotations)];
    const uses = [...new Set(named.filter(({ length }) => length <= longestUse))].slice(0, mostUses);
    return { name: `${metadata.namespace}/${metadata.name}`, uses };
  }),
);

/** A pod, reduced to what decides whether a profile is in use. */
export interface Workload {
  /** `namespace/name`. */
  readonly name: string;
  /**
   * What the pod names, as {@link usage} writes it, up to 64 names; empty if all of its containers
   * have ended.
   */
  readonly uses: readonly string[];
}

/** What a pod names to run under a profile. */
export type UsageKind = 'seccomp' | 'apparmor' | 'selinux';

/** Returns the key of a profile in {@link Workload.uses}. */
export function usage(kind: UsageKind, named: string): string {
  return `${kind}:${named}`;
}

/** Reads a pod (core/v1) as it is stored. Throws valibot's error for anything else. */
export function parseWorkload(object: unknown): Workload {
  return v.parse(workloadSchema, object);
}

type SecurityContext = NonNullable<v.InferOutput<typeof securityContext>>;

function usedBy({ seccompProfile, appArmorProfile, seLinuxOptions }: SecurityContext): readonly string[] {
  return [
    ...named('seccomp', seccompProfile?.localhostProfile),
    ...named('apparmor', appArmorProfile?.localhostProfile),
    ...named('selinux', seLinuxOptions?.type),
  ];
}

/** The annotations of Kubernetes before 1.19 (seccomp) and 1.30 (AppArmor). */
function usedByAnnotations(annotations: ReadonlyMap<string, string> = new Map()): readonly string[] {
  return [...annotations].flatMap(([key, value]) => {
    if (!value.startsWith('localhost/')) return [];
    const profile = value.slice('localhost/'.length);
    if (/^(seccomp|container\.seccomp)\.security\.alpha\.kubernetes\.io\//.test(key)) return named('seccomp', profile);
    return key.startsWith('container.apparmor.security.beta.kubernetes.io/') ? named('apparmor', profile) : [];
  });
}

/** Profiles of SPO before 0.9.1 were namespaced: `operator/<namespace>/<name>.json`. */
const namespacedFile = /^operator\/[^/]+\/([^/]+)$/;

function named(kind: UsageKind, profile: string | undefined): readonly string[] {
  if (profile === undefined || profile === '') return [];
  if (kind !== 'seccomp') return [usage(kind, profile)];
  const file = namespacedFile.exec(profile)?.[1];
  return [usage(kind, profile), ...(file === undefined ? [] : [usage(kind, `operator/${file}`)])];
}
