import { isLoopback } from '../../network/loopback.ts';

/**
 * Reports whether two hosts have the same owner by their names: they are equal, or one is the
 * parent of the other, or both are below the same parent that is not a public suffix. Without the
 * list of public suffixes, a parent must have two labels, or three below `co.uk` and similar.
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
 * Reports whether the answer of a host may be shown as that of the registry. A registry can send us
 * to hosts that only we can reach, and its owner, or a user of our service, must not learn their
 * answers from our errors.
 */
export function speaksForRegistry(host: URL, registry: URL): boolean {
  return host.origin === registry.origin || (!isLoopback(host) && sameDomain(host, registry));
}
