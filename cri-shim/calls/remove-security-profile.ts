import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { heldArtifacts } from '#lib/node/store/held-artifacts';
import type { Store } from '#lib/node/store/store';
import { type Digest, isDigest, parseDigest } from '#lib/registry/digest';
import { parsePinned } from '#lib/registry/pinned-reference';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { askRuntimeToo } from './ask-runtime-too.ts';
import type { Delegation } from './delegation.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/** The dependencies of both calls. */
export interface RemoveDependencies {
  readonly store: Pick<Store, 'list' | 'fetcher' | 'remove'>;
  /** Absent if the shim resolves all profiles. */
  readonly delegation?: Pick<Delegation, 'isPossible'> | undefined;
}

/**
 * Handles ImageService.RemoveSecurityProfile: removes an artifact by its digest. Does nothing if it
 * is not stored. Containers that were created with it keep their profile. A runtime to which
 * profiles may be delegated removes it, too. Throws InvalidInput for an invalid digest, and
 * Unavailable if that runtime does not answer.
 */
export async function removeSecurityProfile(call: UnaryCall, dependencies: RemoveDependencies): Promise<UnaryResult> {
  const messages = securityProfileCalls.preview.remove;
  await remove(parseDigest(decode(messages.request, call.request).digest), dependencies);
  await askRuntimeToo(messages.method, call, dependencies.delegation);
  return { answer: toBinary(messages.response, create(messages.response)) };
}

/**
 * Handles ImageService.RemoveSecurityProfileArtifact, by reference or digest, as
 * removeSecurityProfile.
 */
export async function removeSecurityProfileArtifact(
  call: UnaryCall,
  dependencies: RemoveDependencies,
): Promise<UnaryResult> {
  const messages = securityProfileCalls.text.remove;
  const image = decode(messages.request, call.request).image?.image ?? '';
  await remove(isDigest(image) ? image : parsePinned(image).digest, dependencies);
  await askRuntimeToo(messages.method, call, dependencies.delegation);
  return { answer: toBinary(messages.response, create(messages.response)) };
}

async function remove(digest: Digest, { store }: RemoveDependencies): Promise<void> {
  for (const held of await heldArtifacts(store)) {
    if (held.digest !== digest && !held.records.includes(digest)) continue;
    for (const record of held.records) await store.remove(record);
  }
}
