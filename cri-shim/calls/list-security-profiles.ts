import { create, toBinary } from '@bufbuild/protobuf';
import { heldArtifacts } from '#lib/node/store/held-artifacts';
import type { Store } from '#lib/node/store/store';
import { SecurityProfileKind } from '../../lib/cri/gen/cri_pb.js';
import type { UnaryResult } from '../proxy/unary-call.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/** The dependencies of both calls. */
export interface ListDependencies {
  readonly store: Pick<Store, 'list' | 'fetcher'>;
}

/**
 * Handles ImageService.ListSecurityProfiles: returns the artifacts in the store, each with the
 * sha256 digest of its manifest and every reference that was pulled.
 */
export async function listSecurityProfiles({ store }: ListDependencies): Promise<UnaryResult> {
  const { response } = securityProfileCalls.preview.list;
  const profiles = (await heldArtifacts(store)).map(({ digest, references, size }) => ({
    digest,
    refs: [...references],
    size: BigInt(size),
  }));
  return { answer: toBinary(response, create(response, { profiles })) };
}

/** Handles ImageService.ListSecurityProfileArtifacts, as listSecurityProfiles. */
export async function listSecurityProfileArtifacts({ store }: ListDependencies): Promise<UnaryResult> {
  const { response } = securityProfileCalls.text.list;
  const artifacts = (await heldArtifacts(store)).map(({ digest, references, size, kind }) => ({
    id: digest,
    references: [...references],
    size: BigInt(size),
    profileKind: SecurityProfileKind[kind],
  }));
  return { answer: toBinary(response, create(response, { artifacts })) };
}
