import { createHash } from 'node:crypto';

/** The label with which nodes report a profile, as in the Security Profiles Operator. */
export const profileIdLabel = 'spo.x-k8s.io/profile-id';

const longest = 63;

/**
 * Returns the value of {@link profileIdLabel} for a profile: kind and name, or the kind and a hash
 * of the name if the value of a label could not hold them.
 */
export function profileId(kind: string, name: string): string {
  const id = `${kind}-${name}`;
  if (id.length < longest) return id;
  const hash = createHash('sha256').update(name).digest('hex');
  return `${kind}-${hash}`.slice(0, longest);
}
