import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '../../lib/cri/decode.ts';
import { RuntimeFeaturesSchema, StatusResponseSchema } from '../../lib/cri/gen/cri_pb.js';
import type { UnaryHandler } from '../proxy/unary-call.ts';

/**
 * RuntimeService.Status: the runtime's answer, with the feature that the shim brings (KEP-6061,
 * RuntimeFeatures).
 */
export const handleStatus: UnaryHandler = async ({ request }) => ({ forward: request, onReply: addFeature });

/** Adds `features.security_profile_oci_artifact` to a StatusResponse; all else stays. */
export function addFeature(response: Uint8Array): Uint8Array {
  const status = decode(StatusResponseSchema, response);
  status.features ??= create(RuntimeFeaturesSchema);
  status.features.securityProfileOciArtifact = true;
  return toBinary(StatusResponseSchema, status);
}
