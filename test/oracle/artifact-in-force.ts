/**
 * What may be in force for an object that follows an artifact, decided in another way than by
 * operator/artifacts: from what is true of the registry and the trust policy, not from what a check
 * returned. Digests are named by letters, and profiles are sets of the calls that they permit.
 */
export interface ArtifactWorld {
  /** What the tag stands for; null if it was deleted. */
  readonly tag: string | null;
  /** Whether the registry answers. */
  readonly answers: boolean;
  /** Digests that are no longer in the registry. */
  readonly deleted: readonly string[];
  /** Digests that the trust policy allows. */
  readonly allowed: readonly string[];
  /** What the object's specification allows. */
  readonly allowLooser: boolean;
}

/** What is asked in a check: only what can have changed. */
export interface AskedOfWorld {
  /** Whether the policy is another than the one that the digest in force was verified by. */
  readonly policyChanged: boolean;
  /** Whether the tag is resolved. */
  readonly resolves: boolean;
}

/** The calls that each digest permits. */
export const permits: Readonly<Record<string, string>> = {
  a: 'rwx',
  b: 'rw',
  c: 'r',
  d: 'rwxp',
  e: 'rp',
  f: '',
  g: 'wx',
};

/** Returns whether one digest permits only what another does. */
export function isWithin(inner: string, outer: string): boolean {
  return [...(permits[inner] ?? '')].every((call) => permits[outer]?.includes(call));
}

/** Returns what can be read of a digest, and used. */
export function isVerifiable(digest: string, { answers, deleted, allowed }: ArtifactWorld): boolean {
  return answers && allowed.includes(digest) && !deleted.includes(digest);
}

/** Returns the digest that is in force after a check; null if none is. */
export function expectedInForce(
  before: string | null,
  world: ArtifactWorld,
  { policyChanged, resolves }: AskedOfWorld,
): string | null {
  const isRefused = before !== null && !world.allowed.includes(before) && !world.deleted.includes(before);
  const kept = policyChanged && world.answers && isRefused ? null : before;
  const offered = resolves && world.tag !== null && isVerifiable(world.tag, world) ? world.tag : null;
  if (offered === null) return kept;
  if (kept === null || world.allowLooser) return offered;
  return isVerifiable(kept, world) && isWithin(offered, kept) ? offered : kept;
}
