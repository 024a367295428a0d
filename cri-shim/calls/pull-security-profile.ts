import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { sessionCaller } from '#lib/cri/runtime-call';
import { FairleadError } from '#lib/errors';
import { type InstallableKind, installableKinds, isInstallable } from '#lib/node/install/install-profile';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import { formatReference, formatRepository } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import { SecurityProfileKind } from '../../lib/cri/gen/cri_pb.js';
import type { ArtifactSource } from '../apply/artifact-source.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { type Delegation, reportsProfileFeature } from './delegation.ts';
import { podName } from './pod-name.ts';
import { requireRuntimeForm } from './runtime-form.ts';
import { type CallNames, securityProfileCalls } from './security-profile-calls.ts';

/** The dependencies of pullSecurityProfile. */
export interface PullCallDependencies {
  readonly source: Pick<ArtifactSource, 'pull'>;
  readonly log: Pick<ShimLog, 'debug' | 'info'>;
  /** Absent if the shim resolves all profiles. */
  readonly delegation?: Pick<Delegation, 'isPossible' | 'decide'> | undefined;
}

/**
 * Handles ImageService.PullSecurityProfile (KEP-6061): pulls and verifies an artifact, or finds it
 * in the store and verifies it again. `resolved_ref` keeps registry and repository of the request;
 * `cached` is true if the shim requested nothing from a registry. What the runtime resolves is
 * forwarded to it once it is verified.
 *
 * Throws ProfileInvalid for a kind and a reference that no other attempt can make valid: the
 * kubelet fails the pod by the prefix of that kind of error, and tries again after any other.
 */
export async function pullSecurityProfile(
  { request, runtime, signal }: UnaryCall,
  names: CallNames,
  { source, log, delegation }: PullCallDependencies,
): Promise<UnaryResult> {
  const messages = securityProfileCalls[names].pull;
  const { image, auth, profileKind, sandboxConfig } = decode(messages.request, request);
  const kind = kindOf(profileKind);
  const reference = referenceOf(image?.image ?? '');
  const over = delegation?.isPossible(kind) === true ? runtime.pin() : undefined;
  const hasFeature = over !== undefined && (await reportsProfileFeature(sessionCaller(over), signal));
  const { cached, descriptor, artifact, policy } = await source
    .pull({ reference, kind }, { auth, signal, anew: true })
    .catch((error: unknown) => {
      throw ofRegistry(error);
    });
  requireRuntimeForm(artifact, kind);
  const pulled = { pod: podName(sandboxConfig?.metadata), reference: formatReference(reference), cached };
  // The kubelet asks again with every synchronization of the pod.
  log[cached ? 'debug' : 'info']({ messageId: 'fairlead.profile.pulled', ...pulled }, 'profile pulled');
  // By the policy that is in force when the pull has ended. Nothing was awaited since then.
  if (over !== undefined && delegation?.decide(hasFeature, policy).resolvedBy === 'runtime') {
    return { forward: request, over };
  }
  const resolvedRef = `${formatRepository(reference)}@${descriptor.digest}`;
  return { answer: toBinary(messages.response, create(messages.response, { resolvedRef, cached })) };
}

function kindOf(kind: SecurityProfileKind): InstallableKind {
  const name: string | undefined = SecurityProfileKind[kind];
  if (name !== undefined && isInstallable(name)) return name;
  const isKind = name !== undefined && kind !== SecurityProfileKind.SecurityProfileKindUnspecified;
  throw new FairleadError(
    'ProfileInvalid',
    isKind ? `${name} profiles cannot be pulled as artifacts by this shim` : `invalid profile_kind: ${kind}`,
    { hint: `Specify ${installableKinds.join(' or ')}.` },
  );
}

function referenceOf(text: string): PinnedReference {
  let reference: PinnedReference;
  try {
    reference = parsePinned(text);
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'InvalidInput') throw error;
    const { message, hint } = error;
    throw new FairleadError('ProfileInvalid', message, { cause: error, ...(hint !== undefined && { hint }) });
  }
  if (reference.tag === undefined) return reference;
  throw new FairleadError('ProfileInvalid', `${quote(text, 300)} has a tag and a digest`, {
    hint: 'Write registry/repository@sha256:…, without a tag.',
  });
}

/**
 * Returns the error for content that is not what its descriptor names as Unavailable, and others as
 * they are: KEP-6061 counts it as a fault of the registry, which may pass.
 */
function ofRegistry(error: unknown): unknown {
  const kinds: readonly FairleadError['kind'][] = ['Conflict', 'LimitExceeded'];
  if (!(error instanceof FairleadError) || error.local || !kinds.includes(error.kind)) return error;
  const { message, hint } = error;
  return new FairleadError('Unavailable', message, { cause: error, ...(hint !== undefined && { hint }) });
}
