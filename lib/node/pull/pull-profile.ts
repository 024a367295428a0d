import { authorize } from '#lib/trust/policy/authorize';
import type { PullDependencies, PullPolicy } from './pull-dependencies.ts';
import { pullShared } from './pull-shared.ts';
import { pullVerified } from './pull-verified.ts';
import type { PulledProfile, PullRequest } from './pulled-profile.ts';

/**
 * Pulls a profile: the whole way from a reference to a value that may be applied. The policy is
 * asked first, then the memory and the store, then the registry; see {@link pullVerified}. Throws
 * NotAllowed, SignatureInvalid, ProfileInvalid, and the errors of the registry's client.
 */
export async function pullProfile(request: PullRequest, dependencies: PullDependencies): Promise<PulledProfile> {
  const { decisions, policy } = dependencies;
  let pulled: PulledProfile;
  try {
    pulled = await pullAllowed(request, dependencies);
  } catch (thrown) {
    await decisions?.refused(request, policy, thrown);
    throw thrown;
  }
  await decisions?.allowed(request, policy, pulled);
  return pulled;
}

/**
 * Pulls a profile under the policy that is in force when the pull ends, and returns that policy
 * too. A registry may take its time, and what the policy has come to forbid meanwhile must not pass
 * under the previous one. Throws as pullProfile does.
 */
export async function pullInForce<P extends PullPolicy>(
  request: PullRequest,
  policy: () => P,
  dependencies: Omit<PullDependencies, 'policy'>,
): Promise<PulledProfile & { readonly policy: P }> {
  for (;;) {
    const decided = policy();
    const pulled = await pullProfile(request, { ...dependencies, policy: decided });
    if (policy().revision === decided.revision) return { ...pulled, policy: decided };
  }
}

async function pullAllowed(request: PullRequest, dependencies: PullDependencies): Promise<PulledProfile> {
  const { memory, policy } = dependencies;
  const rule = authorize(policy, request.reference, request.kind, request.mode);
  return memory === undefined
    ? pullVerified(request, rule, dependencies)
    : pullShared(request, rule, { ...dependencies, memory });
}
