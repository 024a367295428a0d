import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { FairleadError } from '#lib/errors';
import type { Store } from '#lib/node/store/store';
import { type Digest, isDigest } from '#lib/registry/digest';
import { parsePinned } from '#lib/registry/pinned-reference';
import {
  RemoveSecurityProfileArtifactRequestSchema,
  RemoveSecurityProfileArtifactResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { profilesInUse, type RuntimeLists } from '../housekeeping/uses.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';

/**
 * Handles ImageService.RemoveSecurityProfileArtifact (KEP-6061, beta), by reference or digest.
 * Idempotent, as RemoveImage. Throws Conflict for an artifact that a container or sandbox was
 * created with.
 */
export async function removeSecurityProfileArtifact(
  { request, signal }: UnaryCall,
  { store, cri }: { readonly store: Store; readonly cri: RuntimeLists },
): Promise<UnaryResult> {
  const message = decode(RemoveSecurityProfileArtifactRequestSchema, request);
  const image = message.image?.image ?? '';
  const digest: Digest = isDigest(image) ? image : parsePinned(image).digest;
  if ((await profilesInUse(store, cri, signal)).artifacts.has(digest)) {
    throw new FairleadError('Conflict', `${digest} is in use by a container or pod sandbox`, {
      hint: 'Remove the pods that were created with it first.',
    });
  }
  await store.remove(digest);
  const response = create(RemoveSecurityProfileArtifactResponseSchema);
  return { answer: toBinary(RemoveSecurityProfileArtifactResponseSchema, response) };
}
