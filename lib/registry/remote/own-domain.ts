import { isLoopback } from '../../network/loopback.ts';

/**
 * Says whether two hosts belong to one owner by their names: equal, or one the parent of the other,
 * or both below the same parent that is no public suffix. Without the list of public suffixes, a
 * parent needs two labels, or three below `co.uk` and its like.
 */
export function sameDomain(one: URL, other: URL): boolean {
  if (one.hostname === other.hostname || (isLoopback(one) && isLoopback(other))) return true;
  if (/^\[|^[0-9.]+$/.test(one.hostname) || /^\[|^[0-9.]+$/.test(other.hostname)) return false;
  return ownedDomain(one.hostname) === ownedDomain(other.hostname);
}

function ownedDomain(hostname: string): string {
  const labels = hostname.split('.');
  const [second = '', first = ''] = labels.slice(-2);
  const publicSuffix = first.length === 2 && /^(?:com?|org|net|ac|edu|gov|gob|go|ne|or|ltd|plc|me)$/.test(second);
  return labels.slice(publicSuffix ? -3 : -2).join('.');
}

/**
 * Says whether what a host answers may be shown as the registry's words. A registry can send us to
 * hosts that only we reach, and its owner, or who uses a service of ours, must not learn from our
 * errors what these say.
 */
export function speaksForRegistry(host: URL, registry: URL): boolean {
  return host.origin === registry.origin || (!isLoopback(host) && sameDomain(host, registry));
}
