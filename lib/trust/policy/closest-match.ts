import { isRegistry, isRepository } from '#lib/registry/reference';
import { matchProblem } from './match.ts';

/**
 * Returns the valid pattern (see {@link matchProblem}) that is closest to an invalid one; undefined
 * if none exists. It adds no wildcard, except for the repositories of a registry without a path.
 */
export function closestMatch(written: string): string | undefined {
  const [first = '', ...rest] = written
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/@[^/]*$/, '')
    .split('/')
    .filter((part) => part !== '');
  const host = closestHost(first);
  const path = rest.map(closestSegment).filter((part) => part !== '');
  const isShortName = !/[*.:]/.test(host) && !isRegistry(host) && isRepository(host);
  const names = isShortName ? ['docker.io', ...(path.length === 0 ? ['library'] : []), host] : [host];
  const spelled = [...names, ...(path.length === 0 && !isShortName ? ['**'] : path)].join('/');
  return spelled !== written && matchProblem(spelled) === undefined ? spelled : undefined;
}

/** Removes dots and hyphens at the ends of labels of a host, and a colon without a port. */
function closestHost(written: string): string {
  if (written === '**' || written.startsWith('[')) return written;
  const [, name = '', port = ''] = /^(.*?)(:[^:]*)?$/.exec(written.replace(/\*{2,}/g, '*')) ?? [];
  const labels = name.split('.').map((label) => label.replace(/^-+|-+$/g, ''));
  return labels.filter((label) => label !== '').join('.') + (port === ':' ? '' : port);
}

/**
 * Corrects a path segment: removes the tag and the separators at its ends, merges repeated
 * separators, and changes capitals to lower case.
 */
function closestSegment(written: string): string {
  if (written === '**') return written;
  return written
    .replace(/:.*$/, '')
    .toLowerCase()
    .replace(/\*{2,}/g, '*')
    .replace(/[._-]{2,}/g, (run) => (/^-+$/.test(run) ? run : /^_+$/.test(run) ? '__' : run.slice(0, 1)))
    .replace(/^[._-]+|[._-]+$/g, '');
}
