import { create, toBinary } from '@bufbuild/protobuf';
import { decode } from '#lib/cri/decode';
import { FairleadError } from '#lib/errors';
import { type InstallableKind, installableKinds, isInstallable } from '#lib/node/install/install-profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import { formatRepository } from '#lib/registry/reference';
import {
  PullSecurityProfileArtifactRequestSchema,
  PullSecurityProfileArtifactResponseSchema,
  SecurityProfileKind,
} from '../../lib/cri/gen/cri_pb.js';
import type { ArtifactSource } from '../apply/artifact-source.ts';
import type { UnaryCall, UnaryResult } from '../proxy/unary-call.ts';

/**
 * Handles ImageService.PullSecurityProfileArtifact (KEP-6061): pulls and verifies an artifact, or
 * finds it in the store. `resolved_ref` keeps registry and repository of the request; `cached` is
 * true if the shim requested nothing from a registry.
 */
export async function pullSecurityProfileArtifact(
  { request, signal }: UnaryCall,
  { source }: { readonly source: ArtifactSource },
): Promise<UnaryResult> {
  const message = decode(PullSecurityProfileArtifactRequestSchema, request);
  const kind = kindOf(message.profileKind);
  const reference = parsePinned(message.image?.image ?? '');
  const { cached, descriptor } = await source.pull({ reference, kind }, { auth: message.auth, signal });
  const resolvedRef = `${formatRepository(reference)}@${descriptor.digest}`;
  const response = create(PullSecurityProfileArtifactResponseSchema, { resolvedRef, cached });
  return { answer: toBinary(PullSecurityProfileArtifactResponseSchema, response) };
}

function kindOf(kind: SecurityProfileKind): InstallableKind {
  const name: string | undefined = SecurityProfileKind[kind];
  if (name !== undefined && isInstallable(name)) return name;
  const isKind = name !== undefined && kind !== SecurityProfileKind.SecurityProfileKindUnspecified;
  throw new FairleadError(
    'InvalidInput',
    isKind ? `${name} profiles cannot be pulled as artifacts by this shim` : `invalid profile_kind: ${kind}`,
    { hint: `Specify ${installableKinds.join(' or ')}.` },
  );
}
