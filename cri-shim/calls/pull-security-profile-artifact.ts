import { create, toBinary } from '@bufbuild/protobuf';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import { formatRepository } from '#lib/registry/reference';
import { decode } from '../../lib/cri/decode.ts';
import {
  PullSecurityProfileArtifactRequestSchema,
  PullSecurityProfileArtifactResponseSchema,
  SecurityProfileKind,
} from '../../lib/cri/gen/cri_pb.js';
import type { ArtifactSource } from '../apply/artifact-source.ts';
import type { UnaryHandler } from '../proxy/unary-call.ts';

/**
 * ImageService.PullSecurityProfileArtifact (KEP-6061): makes sure that an artifact is on the node,
 * verified. `resolved_ref` keeps registry and repository of the request; `cached` says that no
 * registry was asked.
 */
export function handlePull(source: ArtifactSource): UnaryHandler {
  return async ({ request, signal }) => {
    const message = decode(PullSecurityProfileArtifactRequestSchema, request);
    const kind = kindOf(message.profileKind);
    const reference = parsePinned(message.image?.image ?? '');
    const { cached, descriptor } = await source.pull(reference, kind, { auth: message.auth, signal });
    const resolvedRef = `${formatRepository(reference)}@${descriptor.digest}`;
    const response = create(PullSecurityProfileArtifactResponseSchema, { resolvedRef, cached });
    return { answer: toBinary(PullSecurityProfileArtifactResponseSchema, response) };
  };
}

function kindOf(kind: SecurityProfileKind): RuntimeKind {
  if (kind === SecurityProfileKind.Seccomp) return 'Seccomp';
  throw new FairleadError(
    'InvalidInput',
    kind === SecurityProfileKind.AppArmor
      ? 'AppArmor profiles cannot be pulled as artifacts by this shim'
      : `profile_kind ${kind} names no kind of profile`,
    { hint: 'Ask for Seccomp.' },
  );
}
