import type { ProfileArtifact } from '#lib/artifact/artifact';
import { unpackArtifact } from '#lib/artifact/unpack-artifact';
import type { InstallableKind } from '#lib/node/install/install-profile';

/**
 * Verifies that the layer of an artifact is a profile in the form of runtimes: what it may be
 * besides is for CRI-O's annotations only, and a runtime would read it differently or not at all.
 * Throws ProfileInvalid.
 */
export function requireRuntimeForm(artifact: ProfileArtifact, kind: InstallableKind): void {
  if (artifact.layout !== 'runtime') unpackArtifact({ ...artifact, layout: 'runtime' }, kind);
}
