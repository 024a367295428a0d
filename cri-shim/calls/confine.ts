import type { RuntimeSession } from '#lib/cri/runtime-link';
import { FairleadError, toFairleadError } from '#lib/errors';
import { profileRefusal } from '#lib/node/reference/profile-refusal';
import type { Use } from '#lib/node/store/use-note';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import { quote } from '#lib/text/quote';
import { type AppliedProfile, type ApplyDependencies, applyProfile, type Bearer } from '../apply/apply-profile.ts';
import type { ArtifactSourceDependencies } from '../apply/artifact-source.ts';
import type { UnaryCall } from '../proxy/unary-call.ts';
import { ignoredAnnotations, type ProfileFields, profileRequests } from '../request/profile-request.ts';
import { type RewritableContext, rewrite } from '../request/rewrite.ts';
import { type DelegateDependencies, type DelegatedProfile, delegateProfile } from './delegate-profile.ts';

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
  /** Whether its security context was changed. */
  readonly isRewritten: boolean;
  /** The connection to forward the request over, if the runtime resolves a profile. */
  readonly over?: RuntimeSession;
  /** Logs and counts its profiles, to be called once the runtime has created it. */
  readonly report: () => void;
}

/** The dependencies of confine. */
export interface ConfineDependencies
  extends ApplyDependencies,
    DelegateDependencies,
    Pick<ArtifactSourceDependencies, 'policy'> {
  /** The kubelet's directory for seccomp profiles. */
  readonly seccompRoot: string;
}

/**
 * Applies the profile artifacts that a container or sandbox requests, and sets the results in its
 * security context; what the runtime resolves is only verified. Returns what it uses then. Returns
 * undefined and changes nothing if no artifact is requested. Throws as profileRequests,
 * applyProfile and delegateProfile do, and NotAllowed if the policy refuses annotations that do not
 * apply; the message states which profile of which container is refused.
 */
export async function confine(
  creation: Creation,
  dependencies: ConfineDependencies,
  call: Pick<UnaryCall, 'runtime' | 'signal'>,
): Promise<Confinement | undefined> {
  const { policy } = dependencies;
  for (;;) {
    const { revision } = policy.current;
    const profiles = await requestedProfiles(creation, dependencies, call);
    // While one profile was applied, the policy may have come to forbid another.
    if (policy.current.revision === revision) return profiles && confinementOf(profiles, creation.context);
  }
}

/** The profiles that a container or sandbox requests: what the runtime resolves, and the shim. */
interface RequestedProfiles {
  readonly delegated: readonly DelegatedProfile[];
  readonly applied: readonly AppliedProfile[];
}

/**
 * Verifies and installs the profile artifacts that a container or sandbox requests. Returns
 * undefined if it requests none. Throws as confine does.
 */
async function requestedProfiles(
  { context, bearer, ...fields }: Creation,
  dependencies: ConfineDependencies,
  call: Pick<UnaryCall, 'runtime' | 'signal'>,
): Promise<RequestedProfiles | undefined> {
  const { container } = bearer;
  let reference: PinnedReference | undefined;
  try {
    const applied: AppliedProfile[] = [];
    const delegated: DelegatedProfile[] = [];
    const requests = profileRequests({ ...context, ...fields }, dependencies.seccompRoot);
    // The kubelet specifies a profile for each sandbox: an annotation is for the containers.
    const ignored = container === undefined ? [] : ignoredAnnotations({ ...context, ...fields }, requests);
    if (ignored.length > 0) {
      reference = ignored
        .map((key) => artifactOf(fields.annotations[key] ?? ''))
        .find((artifact) => artifact !== undefined);
      acceptIgnored(ignored, bearer, dependencies);
    }
    for (const request of requests) {
      ({ reference } = request);
      const left = await delegateProfile(request, { context, bearer }, dependencies, call);
      if (left !== undefined) delegated.push(left);
      else applied.push(await applyProfile(request, bearer, dependencies, call.signal));
    }
    return requests.length === 0 ? undefined : { delegated, applied };
  } catch (thrown) {
    throw profileRefusal(toFairleadError(thrown), { reference, container });
  }
}

/** Sets the profiles of the shim in a security context, and returns what it uses then. */
function confinementOf({ delegated, applied }: RequestedProfiles, context: RewritableContext): Confinement {
  for (const { installed } of applied) rewrite(context, installed);
  const [appArmor] = applied.flatMap(({ installed }) => (installed.kind === 'AppArmor' ? [installed.name] : []));
  return {
    use: {
      ...{ artifacts: [...delegated, ...applied].map(({ digest }) => digest), appArmor },
      applied: [...delegated, ...applied].map(({ record }) => record),
    },
    isRewritten: applied.length > 0,
    ...(delegated[0] && { over: delegated[0].over }),
    report: () => {
      for (const { report } of [...delegated, ...applied]) report();
    },
  };
}

/**
 * Logs and counts a container with annotations that are not applied to it. Throws NotAllowed if the
 * policy refuses it.
 */
function acceptIgnored(
  annotations: readonly string[],
  { pod, container }: Bearer,
  { log, metrics, policy }: Pick<ConfineDependencies, 'log' | 'metrics' | 'policy'>,
): void {
  const hint = 'Remove the annotation, or leave the seccomp profile of the container unset.';
  if (policy.current.ignoredAnnotations === 'Refuse') {
    const keys = annotations.map((key) => quote(key)).join(', ');
    const what = annotations.length === 1 ? `the annotation ${keys}` : `the annotations ${keys}`;
    const why = 'the container specifies another seccomp profile (ignoredAnnotations: Refuse)';
    throw new FairleadError('NotAllowed', `${what} would be ignored, because ${why}`, { hint });
  }
  metrics.annotationIgnored();
  log.warn(
    { messageId: 'fairlead.annotation.ignored', pod, container, annotations, hint },
    'an annotation for an artifact is ignored, because the container specifies another seccomp profile',
  );
}

/** Returns the artifact that an annotation names; undefined if its value is not a reference. */
function artifactOf(annotation: string): PinnedReference | undefined {
  try {
    return parsePinned(annotation);
  } catch {
    return undefined;
  }
}
