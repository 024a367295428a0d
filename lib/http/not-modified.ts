/**
 * Reports whether a caller already has the answer: whether its If-None-Match names the entity tag
 * (RFC 9110, 13.1.2). Tags are compared weakly, since caches on the way may have weakened them.
 */
export function isNotModified(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([tag]) => tag === etag);
}
