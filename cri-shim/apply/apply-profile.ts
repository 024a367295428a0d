import {
  type InstallDependencies,
  type Installed,
  installProfile,
  isInstalled,
} from '#lib/node/install/install-profile';
import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { AppliedRecord } from '#lib/node/store/use-note';
import type { Constraint } from '#lib/profile/constraint';
import { effectiveProfile } from '#lib/profile/effective-profile';
import type { PublishedProfile, RuntimeProfile } from '#lib/profile/profile';
import { isResolved, resolveProfile } from '#lib/profile/resolve-profile';
import { type MachineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import type { Digest } from '#lib/registry/digest';
import { formatReference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import type { BaselineSubject, RuntimeBaseline } from '../baseline/runtime-baseline.ts';
import type { Tidier } from '../housekeeping/tidy.ts';
import { constrainedFields, shortenFields } from '../report/constraints.ts';
import type { ShimMetrics } from '../report/metrics.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { signersOf } from '../report/signers.ts';
import type { ProfileRequest } from '../request/profile-request.ts';
import type { ArtifactSource } from './artifact-source.ts';
import { readBaseProfile } from './base-profile.ts';
import { baselineProfile, runtimeDefault } from './baseline-profile.ts';
import { countConstraints, type EffectiveMemory, type InstalledEffective } from './effective-memory.ts';

/** The container or sandbox that a profile is for. */
export interface Bearer {
  readonly pod: string;
  /** Absent for the sandbox itself. */
  readonly container?: string;
  /** The properties that the default profile of the runtime depends on. */
  readonly subject: BaselineSubject;
}

/** An installed profile that a request to the runtime can name. */
export interface AppliedProfile {
  readonly installed: Installed;
  /** The digest of its artifact. */
  readonly digest: Digest;
  readonly record: AppliedRecord;
  /** Logs and counts it, to be called once the runtime has created what it is for. */
  readonly report: () => void;
}

/** The dependencies of applyProfile. */
export interface ApplyDependencies {
  readonly source: Pick<ArtifactSource, 'pull' | 'isInForce'>;
  /** Where effective profiles are installed. */
  readonly install: InstallDependencies;
  readonly memory: EffectiveMemory;
  readonly architecture: MachineArchitecture;
  readonly runtimeBaseline: Pick<RuntimeBaseline, 'hostFor' | 'profileFor'>;
  readonly tidier: Pick<Tidier, 'grown'>;
  readonly log: ShimLog;
  readonly metrics: ShimMetrics;
  readonly now: () => Date;
}

/**
 * Applies a profile artifact: pulls and verifies it, intersects it with the node's baseline and the
 * pod's base profile, and installs the result. If the artifact is only to be logged, the others
 * are enforced as always. Does not refuse a profile that is too permissive; its report logs and
 * counts what was constrained (KEP-6061). Throws as the pull, the baseline and the
 * installation do, and ProfileInvalid if the base profile cannot be read.
 */
export async function applyProfile(
  request: ProfileRequest,
  bearer: Bearer,
  dependencies: ApplyDependencies,
  signal: AbortSignal,
): Promise<AppliedProfile> {
  let made = await makeEffective(request, bearer.subject, dependencies, signal);
  // Requests to the runtime take time: the policy may have changed and forbid the artifact now.
  while (!dependencies.source.isInForce(made.policy)) {
    made = await makeEffective(request, bearer.subject, dependencies, signal);
  }
  const { pulled, effective } = made;
  return {
    installed: effective.installed,
    digest: pulled.descriptor.digest,
    record: recordOf(request, made, dependencies.now()),
    report: () => report(request, bearer, made, dependencies),
  };
}

interface Made {
  readonly pulled: PulledProfile;
  readonly policy: Policy;
  readonly effective: InstalledEffective;
  /** The constraints; absent if another container had the same effective profile before. */
  readonly constraints?: readonly Constraint[];
}

async function makeEffective(
  { kind, reference, base, mode, pulledByKubelet: admitted }: ProfileRequest,
  subject: BaselineSubject,
  dependencies: ApplyDependencies,
  signal: AbortSignal,
): Promise<Made> {
  const { source, install, memory, architecture, runtimeBaseline, tidier } = dependencies;
  const { policy, ...pulled } = await source.pull({ reference, kind, ...(mode && { mode }) }, { signal, admitted });
  const artifact = await resolveFor(subject, pulled.profile, runtimeBaseline, signal);
  const baseline = await baselineProfile(kind, policy, subject, runtimeBaseline, signal);
  const basis =
    base === 'RuntimeDefault'
      ? await runtimeDefault(kind, subject, runtimeBaseline, signal)
      : base && (await readBaseProfile(base.path, kind));
  tidier.grown();
  const inputs = { baseline, ...(basis && { base: basis }), artifact, ...(mode && { mode }) };
  const known = memory.recall(inputs);
  if (known !== undefined && (await isInstalled(known.installed, install))) return { policy, pulled, effective: known };
  const { profile, constraints, unlogged = [] } = effectiveProfile(inputs, nativeArchitecture(architecture));
  const installed = await installProfile(profile, install, { mode, signal });
  const effective = { installed, constrained: countConstraints(constraints), unlogged };
  memory.remember(inputs, effective);
  return { policy, pulled, effective, constraints };
}

/** Returns a published profile as it applies to one container. */
async function resolveFor(
  subject: BaselineSubject,
  profile: PublishedProfile,
  runtimeBaseline: Pick<RuntimeBaseline, 'hostFor'>,
  signal: AbortSignal,
): Promise<RuntimeProfile> {
  if (isResolved(profile)) return profile;
  return resolveProfile(profile, await runtimeBaseline.hostFor(subject, signal));
}

/** Returns what the node keeps of an applied profile, as long as its container exists. */
function recordOf(
  { kind, reference, base, mode }: ProfileRequest,
  { pulled, effective: { installed, constrained } }: Made,
  now: Date,
): AppliedRecord {
  return {
    ...{ time: now.toISOString(), kind, reference: formatReference(reference), rule: pulled.verification.rule },
    signers: signersOf(pulled.verification),
    ...(base === undefined ? {} : { base: base === 'RuntimeDefault' ? base : base.path }),
    ...(mode === undefined ? {} : { mode }),
    installed: installed.kind === 'Seccomp' ? installed.path : installed.name,
    constrained: Object.fromEntries(constrained),
  };
}

/**
 * Logs and counts an applied profile and its constraints. The constraints are logged once: those of
 * another container with the same effective profile are the same.
 */
function report(
  request: ProfileRequest,
  { subject, ...bearer }: Bearer,
  { pulled, effective, constraints = [] }: Made,
  { log, metrics }: Pick<ApplyDependencies, 'log' | 'metrics'>,
): void {
  const { installed, constrained, unlogged } = effective;
  metrics.applied(request.mode);
  for (const [input, count] of constrained) metrics.constrained(input, count);
  if (constrained.size > 0) metrics.constrainedMerge();
  const reference = formatReference(request.reference);
  const named = { ...bearer, ...namesOf(installed), reference, rule: pulled.verification.rule };
  log.info({ messageId: 'fairlead.profile.applied', ...named }, 'profile applied');
  if (request.mode !== undefined) {
    const logged = { mode: request.mode, unlogged };
    log.warn(
      { messageId: 'fairlead.profile.logged', ...named, ...logged },
      'profile not enforced: what only it refuses is permitted and logged',
    );
  }
  if (constraints.length > 0) {
    const messageId = 'SecurityProfileMergeConstrained';
    const merged = { messageId, ...bearer, profile: reference };
    const fields = constrainedFields(constraints);
    log.warn({ ...merged, dimensions: constraints.length, ...shortenFields(fields) }, 'profile constrained');
    log.debug({ ...merged, ...fields }, 'profile constrained, all of it');
  }
}

/** Returns the fields of a record for an installed profile; `name` in it is that of the program. */
function namesOf(installed: Installed): object {
  const { kind } = installed;
  return installed.kind === 'Seccomp' ? { kind, path: installed.path } : { kind, appArmorProfile: installed.name };
}
