import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { heldArtifacts } from '#lib/node/store/held-artifacts';
import type { Store } from '#lib/node/store/store';
import {
  SecurityProfileArtifactSchema,
  SecurityProfileInfoSchema,
  SecurityProfileKind,
} from '../../lib/cri/gen/cri_pb.js';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';
import { askRuntimeToo } from './ask-runtime-too.ts';
import type { Delegation } from './delegation.ts';
import { securityProfileCalls } from './security-profile-calls.ts';

/** The dependencies of both calls. */
export interface ListDependencies {
  readonly store: Pick<Store, 'list' | 'fetcher'>;
  /** Absent if the shim resolves all profiles. */
  readonly delegation?: Pick<Delegation, 'isPossible'> | undefined;
}

/**
 * Handles ImageService.ListSecurityProfiles: returns the artifacts in the store, each with the
 * sha256 digest of its manifest and every reference that was pulled, and those of a runtime to
 * which profiles may be delegated.
 */
export async function listSecurityProfiles(
  call: UnaryCall,
  { store, delegation }: ListDependencies,
): Promise<UnaryResult> {
  const { method, response } = securityProfileCalls.preview.list;
  const ofRuntime = await askRuntimeToo(method, call, delegation);
  const listed = ofRuntime === undefined ? create(response) : decode(response, ofRuntime);
  for (const { digest, references, size } of await heldArtifacts(store)) {
    const known = listed.profiles.find((each) => each.digest === digest);
    if (known === undefined) {
      listed.profiles.push(create(SecurityProfileInfoSchema, { digest, refs: [...references], size: BigInt(size) }));
    } else known.refs = union(known.refs, references);
  }
  return { answer: toBinary(response, listed) };
}

/** Handles ImageService.ListSecurityProfileArtifacts, as listSecurityProfiles. */
export async function listSecurityProfileArtifacts(
  call: UnaryCall,
  { store, delegation }: ListDependencies,
): Promise<UnaryResult> {
  const { method, response } = securityProfileCalls.text.list;
  const ofRuntime = await askRuntimeToo(method, call, delegation);
  const listed = ofRuntime === undefined ? create(response) : decode(response, ofRuntime);
  for (const { digest: id, references, size, kind } of await heldArtifacts(store)) {
    const known = listed.artifacts.find((each) => each.id === id);
    if (known === undefined) {
      const artifact = { id, references: [...references], size: BigInt(size), profileKind: SecurityProfileKind[kind] };
      listed.artifacts.push(create(SecurityProfileArtifactSchema, artifact));
    } else known.references = union(known.references, references);
  }
  return { answer: toBinary(response, listed) };
}

function union(some: readonly string[], others: readonly string[]): string[] {
  return [...new Set([...some, ...others])];
}
