import { sessionCaller } from '#lib/cri/runtime-call';
import type { RuntimeSession } from '#lib/cri/runtime-link';
import type { AppliedRecord } from '#lib/node/store/use-note';
import type { Digest } from '#lib/registry/digest';
import { formatReference } from '#lib/registry/reference';
import type { ApplyDependencies, Bearer } from '../apply/apply-profile.ts';
import type { UnaryCall } from '../proxy/unary-call.ts';
import { signersOf } from '../report/signers.ts';
import type { ProfileRequest } from '../request/profile-request.ts';
import type { RewritableContext } from '../request/rewrite.ts';
import { type Delegation, reportsProfileFeature } from './delegation.ts';
import { requireRuntimeForm } from './runtime-form.ts';

/** A profile that the shim has verified and the runtime resolves. */
export interface DelegatedProfile {
  /** The digest of its artifact. */
  readonly digest: Digest;
  /** The connection over which the runtime has reported the feature. */
  readonly over: RuntimeSession;
  readonly record: AppliedRecord;
  /** Logs and counts it, to be called once the runtime has created what it is for. */
  readonly report: () => void;
}

/** The dependencies of delegateProfile. */
export interface DelegateDependencies extends Pick<ApplyDependencies, 'source' | 'log' | 'metrics' | 'now'> {
  /** Absent if the shim resolves all profiles. */
  readonly delegation?: Pick<Delegation, 'isPossible' | 'decide'> | undefined;
}

/**
 * Verifies a profile of type OCI that the runtime resolves. Returns undefined if the shim resolves
 * it. Throws as the pull does, ProfileInvalid for a form that runtimes do not read, and Unavailable
 * if the runtime does not answer.
 */
export async function delegateProfile(
  request: ProfileRequest,
  { context, bearer }: { readonly context: RewritableContext; readonly bearer: Bearer },
  dependencies: DelegateDependencies,
  { runtime, signal }: Pick<UnaryCall, 'runtime' | 'signal'>,
): Promise<DelegatedProfile | undefined> {
  const { delegation, source } = dependencies;
  const { kind, reference, pulledByKubelet: admitted } = request;
  if (admitted !== true || delegation?.isPossible(kind) !== true) return undefined;
  // Runtimes differ in whether the field or the deprecated string applies.
  if (context.seccompProfilePath !== '') return undefined;
  const over = runtime.pin();
  const hasFeature = await reportsProfileFeature(sessionCaller(over), signal);
  if (delegation.decide(hasFeature).resolvedBy === 'shim') return undefined;
  const { policy, descriptor, verification, artifact } = await source.pull({ reference, kind }, { signal, admitted });
  // Under the policy that is in force when the pull has ended. Nothing is awaited from here on.
  if (delegation.decide(hasFeature, policy).resolvedBy === 'shim') return undefined;
  requireRuntimeForm(artifact, kind);
  const profile = { kind, reference: formatReference(reference), rule: verification.rule };
  const time = dependencies.now().toISOString();
  return {
    ...{ digest: descriptor.digest, over },
    record: { time, ...profile, signers: signersOf(verification), constrained: {} },
    report: () => {
      const { log, metrics } = dependencies;
      const { subject: _subject, ...named } = bearer;
      metrics.delegated();
      log.info(
        { messageId: 'fairlead.profile.delegated', ...named, ...profile },
        'profile verified, and resolved by the runtime',
      );
    },
  };
}
