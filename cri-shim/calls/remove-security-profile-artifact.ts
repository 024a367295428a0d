import { create, toBinary } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';
import type { Store } from '#lib/node/store/store';
import { type Digest, isDigest } from '#lib/registry/digest';
import { parsePinned } from '#lib/registry/pinned-reference';
import { decode } from '../../lib/cri/decode.ts';
import {
  RemoveSecurityProfileArtifactRequestSchema,
  RemoveSecurityProfileArtifactResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { artifactsInUse, type RuntimeLists } from '../housekeeping/uses.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';

/**
 * ImageService.RemoveSecurityProfileArtifact (KEP-6061, beta), by reference or digest. Idempotent,
 * as RemoveImage is. What a container or sandbox was made with is never removed (Conflict).
 */
export function handleRemove(store: Store, runtime: RuntimeLists): UnaryHandler {
  return async ({ request, signal }) => {
    const message = decode(RemoveSecurityProfileArtifactRequestSchema, request);
    const image = message.image?.image ?? '';
    const digest: Digest = isDigest(image) ? image : parsePinned(image).digest;
    if ((await artifactsInUse(store, runtime, signal)).has(digest)) {
      throw new FairleadError('Conflict', `${digest} is in use by a container or pod sandbox`, {
        hint: 'Remove the pods that were made with it first.',
      });
    }
    await store.remove(digest);
    const response = create(RemoveSecurityProfileArtifactResponseSchema);
    return { answer: toBinary(RemoveSecurityProfileArtifactResponseSchema, response) };
  };
}
