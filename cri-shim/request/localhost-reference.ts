import { join, normalize } from 'node:path/posix';
import { FairleadError } from '#lib/errors';
import { mayNameArtifact, parseLocalhostProfile } from '#lib/node/reference/localhost-profile';
import type { ProfileMode } from '#lib/profile/constraint';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { quote } from '#lib/text/quote';

/**
 * What to intersect an artifact with: the runtime's default, or a file on the node by its absolute
 * path.
 */
export type Base = 'RuntimeDefault' | { readonly path: string };

/** The artifact that a container requests, and how it is to be applied. */
export interface RequestedArtifact {
  readonly reference: PinnedReference;
  /** The profile to intersect it with, besides the baseline of the node. */
  readonly base?: Base;
  /** Absent if the artifact is to be enforced. */
  readonly mode?: ProfileMode;
  /** True if the kubelet pulls it before, with the credentials of the pod (KEP-6061). */
  readonly pulledByKubelet?: true;
}

/** Directory below the kubelet's seccomp root that marks a Localhost profile as a reference. */
const marker = 'oci';

/**
 * Reads a Localhost profile's path as the kubelet sends it: `<seccomp root>/`, then what
 * parseLocalhostProfile reads. Returns undefined for an ordinary path. The marker counts only
 * directly below the seccomp root: `operator/oci/x.json` is a file. Throws InvalidInput for an
 * invalid reference, and for a path that may be meant as a reference: the runtime would read it as
 * the path of a file.
 */
export function parseLocalhostReference(path: string, seccompRoot: string): RequestedArtifact | undefined {
  const start = `${seccompRoot}/${marker}/`;
  const clean = normalize(path);
  if (!path.startsWith(start) && !clean.startsWith(start)) {
    if (!mayNameArtifact(path)) return undefined;
    throw invalid(
      `localhost profile ${quote(path, 600)} looks like a reference but does not begin with ${start}`,
      'Write localhostProfile: oci/registry/repository@sha256:…. If the kubelet has another seccomp root, run `fairlead shim --seccomp-root DIRECTORY`.',
    );
  }
  // The kubelet cleans the paths that it joins, so it never sends such a path.
  if (path !== clean)
    throw invalid(`localhost profile ${quote(path, 600)} is not a clean path`, `Write it as ${clean}.`);
  const found = parseLocalhostProfile(path.slice(seccompRoot.length + 1));
  if (found === undefined) return undefined;
  const { reference, base, mode } = found;
  return {
    reference,
    ...(base && { base: base === 'RuntimeDefault' ? base : { path: join(seccompRoot, base.localhost) } }),
    ...(mode && { mode }),
  };
}

/**
 * Verifies that an absolute path of a base profile is below the seccomp root and is not a
 * reference itself. Throws InvalidInput.
 */
export function checkBase(path: string, seccompRoot: string): string {
  const below = `${seccompRoot}/`;
  if (path !== normalize(path) || !path.startsWith(below) || path.endsWith('/')) {
    throw invalid(
      `base profile ${quote(path, 600)} is not a file below ${seccompRoot}`,
      'Put the file there. If the kubelet has another seccomp root, run `fairlead shim --seccomp-root DIRECTORY`.',
    );
  }
  if (mayNameArtifact(path.slice(below.length))) {
    throw invalid(`base profile ${quote(path, 600)} is a reference itself`, 'A base is a file on the node.');
  }
  return path;
}

function invalid(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
