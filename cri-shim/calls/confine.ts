import { toFairleadError } from '#lib/errors';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import type { Use } from '#lib/node/store/uses';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { type AppliedProfile, type ApplyDependencies, applyProfile, type Bearer } from '../apply/apply-profile.ts';
import { type ProfileFields, profileRequests } from '../request/profile-request.ts';
import { type RewritableContext, rewrite } from '../request/rewrite.ts';

/** A container or sandbox that the kubelet creates. */
export interface Creation
  extends Pick<ProfileFields, 'annotations' | 'annotationNames' | 'appliesAppArmor' | 'privileged'> {
  /** Its security context, which is changed if it requests an artifact. */
  readonly context: RewritableContext;
  readonly bearer: Bearer;
}

/** What a container or sandbox is created with. */
export interface Confinement {
  readonly use: Use;
  /** Logs and counts its profiles, to be called once the runtime has created it. */
  readonly report: () => void;
}

/** The dependencies of confine. */
export interface ConfineDependencies extends ApplyDependencies {
  /** The kubelet's directory for seccomp profiles. */
  readonly seccompRoot: string;
}

/**
 * Applies the profile artifacts that a container or sandbox requests, and sets the results in its
 * security context. Returns what it uses then. Returns undefined and changes nothing if no artifact
 * is requested. Throws as profileRequests and applyProfile do, with a message that states which
 * profile of which container is refused.
 */
export async function confine(
  { context, bearer, ...fields }: Creation,
  dependencies: ConfineDependencies,
  signal: AbortSignal,
): Promise<Confinement | undefined> {
  const { container } = bearer;
  let reference: PinnedReference | undefined;
  try {
    const applied: AppliedProfile[] = [];
    for (const request of profileRequests({ ...context, ...fields }, dependencies.seccompRoot)) {
      ({ reference } = request);
      applied.push(await applyProfile(request, bearer, dependencies, signal));
    }
    if (applied.length === 0) return undefined;
    for (const { installed } of applied) rewrite(context, installed);
    const [appArmor] = applied.flatMap(({ installed }) => (installed.kind === 'AppArmor' ? [installed.name] : []));
    return {
      use: { artifacts: applied.map(({ digest }) => digest), appArmor },
      report: () => {
        for (const { report } of applied) report();
      },
    };
  } catch (thrown) {
    throw profileRefusal(toFairleadError(thrown), { reference, container });
  }
}
