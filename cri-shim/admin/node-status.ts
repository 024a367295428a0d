import { setImmediate as immediate } from 'node:timers/promises';
import { toFairleadError } from '#lib/errors';
import { type HeldArtifact, heldArtifacts } from '#lib/node/store/held-artifacts';
import type { Store } from '#lib/node/store/store';
import type { AppliedRecord, Use } from '#lib/node/store/use-note';
import type { Digest } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import { decide } from '#lib/trust/policy/authorize';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { isReady, type Readiness } from '../readiness/readiness.ts';
import type { BuildVersion } from '../report/metrics.ts';
import type { Recent } from '../report/recent.ts';
import type { NodeProfile, NodeProfiles, NodeStatus } from './documents.ts';

/** The dependencies of nodeStatus and nodeProfiles. */
export interface NodeStatusDependencies {
  readonly build: BuildVersion;
  readonly startedAt: Date;
  readonly now: () => Date;
  readonly readiness: Pick<Readiness, 'check' | 'runtimeVersion'>;
  /** Returns who resolves profiles of type OCI. */
  readonly resolution: (signal: AbortSignal) => Promise<NodeStatus['ociProfiles']>;
  /** The socket of the runtime. */
  readonly runtimeSocket: string;
  readonly policy: Pick<PolicySource, 'current' | 'problem'>;
  readonly store: Pick<Store, 'list' | 'fetcher' | 'uses' | 'sizeOf' | 'lastUse'>;
  /** The state directory. */
  readonly state: string;
  readonly recent: Pick<Recent, 'refusals'>;
}

/** How long the runtime may take to answer, in milliseconds. */
const patience = 5_000;

/** Returns what the shim is and does. */
export async function nodeStatus({
  build: { version, commit },
  startedAt,
  now,
  readiness,
  resolution,
  runtimeSocket: socket,
  policy: { current, problem },
  store,
  state: directory,
  recent,
}: NodeStatusDependencies): Promise<NodeStatus> {
  const [checks, ociProfiles] = await Promise.all([readiness.check(), knownResolution(resolution)]);
  const artifacts = await store.list();
  const sizes = await Promise.all(artifacts.map(({ descriptor }) => store.sizeOf(descriptor.digest)));
  const { source, revision, rules } = current;
  return {
    version,
    ...(commit === undefined ? {} : { commit }),
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.round((now().getTime() - startedAt.getTime()) / 1000),
    isReady: isReady(checks),
    checks,
    runtime: { socket, ...readiness.runtimeVersion },
    ociProfiles,
    policy: { source, revision, rules: rules.length, ...(problem === undefined ? {} : { problem }) },
    store: { directory, artifacts: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) },
    refusals: recent.refusals,
  };
}

async function knownResolution(resolution: NodeStatusDependencies['resolution']): Promise<NodeStatus['ociProfiles']> {
  try {
    return await resolution(AbortSignal.timeout(patience));
  } catch (thrown) {
    return { reason: toFairleadError(thrown).message };
  }
}

/** Returns the artifacts on the node, and which containers were created with them. */
export async function nodeProfiles(
  dependencies: Pick<NodeStatusDependencies, 'policy' | 'store'>,
): Promise<NodeProfiles> {
  const { store } = dependencies;
  const uses = usesOf(await store.uses.list());
  const profiles: NodeProfile[] = [];
  for (const held of await heldArtifacts(store)) {
    // There may be thousands: the calls of the kubelet are answered in between.
    await immediate();
    profiles.push(await describe(held, uses, dependencies));
  }
  return { profiles };
}

/** Returns the uses of each artifact, by the IDs of the containers and sandboxes. */
function usesOf(uses: ReadonlyMap<string, Use>): ReadonlyMap<Digest, ReadonlyMap<string, Use>> {
  const found = new Map<Digest, Map<string, Use>>();
  for (const [id, use] of uses) {
    for (const digest of use.artifacts) {
      const known = found.get(digest) ?? new Map<string, Use>();
      found.set(digest, known.set(id, use));
    }
  }
  return found;
}

async function describe(
  { digest, kind, references, records }: HeldArtifact,
  usesOfAll: ReadonlyMap<Digest, ReadonlyMap<string, Use>>,
  { policy, store }: Pick<NodeStatusDependencies, 'policy' | 'store'>,
): Promise<NodeProfile> {
  let bytes = 0;
  for (const record of records) bytes += await store.sizeOf(record);
  const rules = references.map((reference) => decide(policy.current, parseReference(reference), kind).rule?.match);
  const rule = rules.find((match) => match !== undefined);
  const uses = new Map(records.flatMap((record) => [...(usesOfAll.get(record) ?? [])]));
  const signers = lastApplied([...uses.values()], kind)?.signers;
  const lastUses = records.map((record) => store.lastUse(record)?.getTime() ?? 0);
  return {
    ...{ kind, digest, references, bytes },
    ...(rule === undefined ? {} : { rule }),
    ...(signers === undefined ? {} : { signers }),
    lastUsed: new Date(Math.max(...lastUses)).toISOString(),
    containers: [...uses.keys()],
  };
}

/** Returns how the profile of a kind was applied last; undefined without a record of that. */
function lastApplied(uses: readonly Use[], kind: string): AppliedRecord | undefined {
  const records = uses.flatMap(({ applied = [] }) => applied.filter((record) => record.kind === kind));
  return records.sort((a, b) => Date.parse(a.time) - Date.parse(b.time)).at(-1);
}
