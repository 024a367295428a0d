import type { Constraint } from '#lib/profile/constraint';
import { seccompOf } from '#lib/profile/profile';
import { renderProfile } from '#lib/profile/render-profile';
import { isResolved, resolveProfile } from '#lib/profile/resolve-profile';
import { effectiveAsWritten } from '#lib/profile/seccomp/effective-profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { type MachineArchitecture, nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { narrowComparisons } from '#lib/profile/seccomp/write/narrow-comparisons';
import type { Digest } from '#lib/registry/digest';
import { formatReference } from '#lib/registry/reference';
import type { BaselineSubject, RuntimeBaseline } from '../baseline/runtime-baseline.ts';
import type { ShimMetrics } from '../report/metrics.ts';
import type { ShimLog } from '../report/shim-log.ts';
import type { ProfileRequest } from '../request/profile-request.ts';
import type { ArtifactSource } from './artifact-source.ts';
import { readBaseProfile } from './base-profile.ts';

/** How much of what was constrained is logged with one container, in characters. */
const longestConstraints = 64 * 1024;

/** For whom a profile is: what logs name. */
export interface Bearer {
  readonly pod: string;
  /** Absent for the sandbox itself. */
  readonly container?: string;
  /** What the default profile of the runtime depends on. */
  readonly subject: BaselineSubject;
}

export interface AppliedProfile {
  /** File of the effective profile. */
  readonly path: string;
  readonly digest: Digest;
}

export interface ApplierSurroundings {
  readonly architecture: MachineArchitecture;
  readonly runtimeBaseline: Pick<RuntimeBaseline, 'hostFor' | 'profileFor'>;
  readonly log: ShimLog;
  readonly metrics: ShimMetrics;
  /** Told that something was put into the store. */
  readonly grown: () => void;
}

/**
 * Turns a request for an artifact into a file that the runtime can load; see {@link
 * profileApplier}.
 */
export type ApplyProfile = (request: ProfileRequest, bearer: Bearer, signal: AbortSignal) => Promise<AppliedProfile>;

/**
 * Makes effective profiles: the artifact, pulled and verified, intersected with the node's baseline
 * and the pod's base profile. Nothing is refused for being too permissive; what was taken away is
 * logged and counted (KEP-6061).
 */
export function profileApplier(
  source: ArtifactSource,
  { architecture, runtimeBaseline, log, metrics, grown }: ApplierSurroundings,
): ApplyProfile {
  const native = nativeArchitecture(architecture);
  // The baselines are the same few objects again and again: what the policy holds, and what the
  // runtime's gives.
  const narrowed = new WeakMap<SeccompProfile, SeccompProfile>();
  const narrow = (profile: SeccompProfile): SeccompProfile => {
    const known = narrowed.get(profile) ?? narrowComparisons(profile, native).profile;
    narrowed.set(profile, known);
    return known;
  };
  const makeEffective = async (request: ProfileRequest, subject: BaselineSubject, signal: AbortSignal) => {
    const { policy, ...pulled } = await source.pull(request.reference, 'Seccomp', { signal });
    const artifact = seccompOf(
      isResolved(pulled.profile)
        ? pulled.profile
        : resolveProfile(pulled.profile, await runtimeBaseline.hostFor(subject, signal)),
    );
    const runtimeDefault = (): Promise<SeccompProfile> => runtimeBaseline.profileFor(subject, signal);
    const { seccomp: configured } = policy.baseline;
    const baseline = configured === 'RuntimeDefault' ? await runtimeDefault() : configured;
    const base =
      request.base === 'RuntimeDefault'
        ? await runtimeDefault()
        : request.base === undefined
          ? undefined
          : await readBaseProfile(request.base.path);
    const { profile, constraints } = effectiveAsWritten(
      {
        baseline: narrow(baseline),
        ...(base === undefined ? {} : { base: narrow(base) }),
        // Beside masked comparisons, others of 64 bits would take rules without end to be combined
        // with.
        artifact: narrow(artifact),
      },
      native,
    );
    const path = await source.store.effective.put(renderProfile({ kind: 'Seccomp', seccomp: profile }));
    grown();
    return { policy, pulled, constraints, path };
  };
  return async (request, { subject, ...bearer }, signal) => {
    let made = await makeEffective(request, subject, signal);
    // The runtime takes its time to answer, too: what the policy has come to forbid meanwhile is
    // not applied.
    while (!source.isInForce(made.policy)) made = await makeEffective(request, subject, signal);
    const { pulled, constraints, path } = made;

    const reference = formatReference(request.reference);
    metrics.applied();
    for (const input of ['baseline', 'base', 'artifact'] as const) {
      const count = constraints.filter((constraint) => constraint.input === input).length;
      if (count > 0) metrics.constrained(input, count);
    }
    const named = { ...bearer, reference, rule: pulled.verification.rule, path };
    log.info({ messageId: 'fairlead.profile.applied', ...named }, 'profile applied');
    if (constraints.length > 0) {
      const constrained = { constrained: constraints.length, constraints: beginningOf(constraints) };
      log.warn({ messageId: 'fairlead.profile.constrained', ...named, ...constrained }, 'profile constrained');
    }
    return { path, digest: pulled.descriptor.digest };
  };
}

/** As many as fit: whoever may publish must not fill the node's disk by way of its log. */
function beginningOf(constraints: readonly Constraint[]): readonly Constraint[] {
  let length = 0;
  return constraints.filter((each) => {
    length += JSON.stringify(each).length;
    return length <= longestConstraints;
  });
}
