import { create, toBinary } from '@bufbuild/protobuf';
import type { Store } from '#lib/node/store/store';
import { ListSecurityProfileArtifactsResponseSchema, SecurityProfileKind } from '../../lib/cri/gen/cri_pb.js';
import type { UnaryResult } from '../proxy/unary-call.ts';

/**
 * Handles ImageService.ListSecurityProfileArtifacts (KEP-6061, beta): returns the artifacts in the
 * store.
 */
export async function listSecurityProfileArtifacts({ store }: { readonly store: Store }): Promise<UnaryResult> {
  const artifacts = store.list().map(({ descriptor, kind, pulls }) => ({
    id: descriptor.digest,
    references: pulls.map(({ repository }) => `${repository}@${descriptor.digest}`),
    size: BigInt(descriptor.size),
    profileKind: SecurityProfileKind[kind],
  }));
  const response = create(ListSecurityProfileArtifactsResponseSchema, { artifacts });
  return { answer: toBinary(ListSecurityProfileArtifactsResponseSchema, response) };
}
