/** Keeps a profile while pods use it; the name is that of the Security Profiles Operator. */
export const inUseFinalizer = 'in-use-by-active-pods';

/** Ends the finalizers that the Security Profiles Operator adds for each node. */
const nodeSuffix = '-deleted';
const longest = 63;
/** Kept by its recorder on a part of a recording. */
const partialFinalizer = 'spo.x-k8s.io/partial-profile-finalizer';

/**
 * Milliseconds that a node has to remove a deleted profile after the last pod that used it has
 * ended. Its agent does so within seconds; one that no longer runs must not keep the object
 * forever.
 */
export const nodeGraceMs = 5 * 60 * 1000;

/** What decides on the finalizers of a profile. */
export interface HeldProfile {
  readonly finalizers: readonly string[];
  /**
   * Since when only nodes keep a profile whose deletion was requested, in milliseconds since 1970;
   * undefined if it was not requested.
   */
  readonly deletedAt?: number | undefined;
  readonly isInUse: boolean;
  /** The nodes that report the profile; undefined if it is not known which do. */
  readonly reporting: readonly string[] | undefined;
  /** The nodes of the cluster; undefined if they are not known. */
  readonly nodes?: ReadonlySet<string> | undefined;
}

/** The finalizers that a profile should have. */
export interface Finalizers {
  readonly finalizers: readonly string[];
  /** Those that were removed although their node may still have the profile. */
  readonly abandoned: readonly string[];
  /** Milliseconds after which to decide again. */
  readonly requeueAfter?: number;
}

/**
 * Returns the finalizers that a profile should have at this moment. A deleted profile is kept while
 * pods use it, and then until its nodes have removed it, but only for five minutes. Finalizers that
 * are unknown are left alone.
 */
export function finalizersOf(profile: HeldProfile, now: number): Finalizers {
  const { finalizers, deletedAt, isInUse, reporting, nodes } = profile;
  const others = finalizers.filter((each) => each !== inUseFinalizer);
  const existing = nodes === undefined ? others : others.filter((each) => !isOfNode(each) || isForAny(each, nodes));
  if (isInUse) {
    // The API server accepts no new finalizers on a deleted object.
    const isHeld = deletedAt === undefined || finalizers.includes(inUseFinalizer);
    return { finalizers: isHeld ? [...existing, inUseFinalizer] : existing, abandoned: [] };
  }
  if (deletedAt === undefined) return { finalizers: existing, abandoned: [] };
  const foreign = existing.filter(isForeign);
  const mayHaveIt = (each: string): boolean => (reporting === undefined ? isOfNode(each) : isForAny(each, reporting));
  const waitedFor = existing.filter((each) => each === partialFinalizer || mayHaveIt(each));
  const waits = deletedAt + nodeGraceMs - now;
  if (waitedFor.length === 0 || waits <= 0) return { finalizers: foreign, abandoned: waitedFor };
  return { finalizers: [...foreign, ...waitedFor], abandoned: [], requeueAfter: waits };
}

/** Returns whether a finalizer is that of a program that the operator does not know. */
export function isForeign(finalizer: string): boolean {
  return finalizer !== inUseFinalizer && finalizer !== partialFinalizer && !isOfNode(finalizer);
}

/** Finalizers of others are qualified names, as API servers want them: with a slash. */
function isOfNode(finalizer: string): boolean {
  return finalizer.endsWith(nodeSuffix) && !finalizer.includes('/');
}

/** The name of a node in a finalizer is cut, so that the finalizer has at most 63 characters. */
function isForAny(finalizer: string, nodes: Iterable<string>): boolean {
  if (!isOfNode(finalizer)) return false;
  const name = finalizer.slice(0, -nodeSuffix.length);
  const isCut = finalizer.length >= longest;
  return [...nodes].some((node) => (isCut ? node.startsWith(name) : node === name));
}
