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

/**
 * Returns the digest that is in force after a check; null if none is.
 *
 * @param last the digest that was in force last, which is `before` if there is one
 */
export function expectedInForce(
  before: string | null,
  last: string | null,
  world: ArtifactWorld,
  { policyChanged, resolves }: AskedOfWorld,
): string | null {
  const isRefused = before !== null && !world.allowed.includes(before) && !world.deleted.includes(before);
  const held = policyChanged && world.answers && isRefused ? null : before;
  // What was withdrawn comes into force again as soon as it may.
  const kept = before === null && last !== null && isVerifiable(last, world) ? last : held;
  const offered = resolves && world.tag !== null && isVerifiable(world.tag, world) ? world.tag : null;
  if (offered === null) return kept;
  if (last === null || last === offered || world.allowLooser) return offered;
  return isVerifiable(last, world) && isWithin(offered, last) ? offered : kept;
}
