import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { RuntimeFeaturesSchema, StatusResponseSchema } from '../../lib/cri/gen/cri_pb.js';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/**
 * Handles RuntimeService.Status: returns the runtime's answer with the feature that the shim adds
 * (KEP-6061, RuntimeFeatures).
 */
export async function status({ request }: UnaryCall): Promise<UnaryResult> {
  return { forward: request, onReply: addFeature };
}

/** Adds `features.security_profile_oci_artifact` to a StatusResponse and keeps all else. */
export function addFeature(response: Uint8Array): Uint8Array {
  const status = decode(StatusResponseSchema, response);
  status.features ??= create(RuntimeFeaturesSchema);
  status.features[securityProfileCalls.text.feature] = true;
  return toBinary(StatusResponseSchema, status);
}
