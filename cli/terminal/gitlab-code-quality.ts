import { createHash } from 'node:crypto';
import type { Level, Report } from '#lib/profile/report/report';

/** The severities of GitLab's Code Quality reports. */
const severities: Readonly<Record<Level, string>> = { error: 'major', warning: 'minor', note: 'info' };

/**
 * Returns a report in the format of Code Quality reports of GitLab, which shows them in the changes
 * of a merge request. Only files of the repository are reported there.
 */
export function gitlabCodeQuality({ command, files }: Report): string {
  const seen = new Map<string, number>();
  const issues = files.flatMap(({ path, entries, unread }) => {
    if (path === undefined) return [];
    const all = unread === undefined ? entries : [{ rule: 'unreadable', level: 'error', message: unread } as const];
    return all.map(({ rule, level, message, ...entry }) => {
      const { subject = '', place } = { subject: undefined, place: undefined, ...entry };
      const description = subject === '' ? message : `${subject}: ${message}`;
      const key = JSON.stringify([command, path, rule, description]);
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      return {
        description,
        check_name: `fairlead-${command}-${rule}`,
        // Without the line: GitLab tells by it what a merge request adds and fixes.
        fingerprint: createHash('sha256').update(`${key} ${count}`).digest('hex'),
        severity: severities[level],
        location: { path, lines: { begin: place?.line ?? 1 } },
      };
    });
  });
  return `${JSON.stringify(issues, undefined, 2)}\n`;
}
