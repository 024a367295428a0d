import { FairleadError } from '#lib/errors';
import { type InstallableKind, installableKinds, isInstallable } from '#lib/node/install/install-profile';
import { parsePinned } from '#lib/registry/pinned-reference';
import { formatReference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import type { ArtifactSource } from '../apply/artifact-source.ts';
import { signersOf } from '../report/signers.ts';
import type { NodePull } from './documents.ts';

/** An artifact to have on the node before a pod names it. */
export interface WantedArtifact {
  readonly reference: string;
  readonly kind: string;
}

/**
 * Pulls an artifact with the credentials of the node, or finds it in the store, and verifies it.
 * Throws InvalidInput for an invalid kind or reference, and as ArtifactSource.pull does.
 */
export async function pullForNode(
  { reference: text, kind }: WantedArtifact,
  source: Pick<ArtifactSource, 'pull'>,
  signal: AbortSignal,
): Promise<NodePull> {
  const reference = parsePinned(text);
  const pulled = await source.pull({ reference, kind: requireKind(kind) }, { signal });
  const { verification, cached, descriptor } = pulled;
  return {
    ...{ reference: formatReference(reference), kind, digest: descriptor.digest, cached },
    ...{ rule: verification.rule, signers: signersOf(verification) },
  };
}

/** Returns a kind that nodes can install. Throws InvalidInput for any other text. */
export function requireKind(kind: string): InstallableKind {
  if (isInstallable(kind)) return kind;
  throw new FairleadError('InvalidInput', `invalid kind of profiles: ${quote(kind, 100)}`, {
    hint: `Specify ${installableKinds.join(' or ')}.`,
  });
}
