import type { FairleadError } from '#lib/errors';
import type { Finding } from '../finding.ts';
import { positionIn } from '../json/positions.ts';
import type { Place, Position } from '../place.ts';

/** How severe an entry of a report is, in the words of SARIF. */
export type Level = 'error' | 'warning' | 'note';

/** One finding, change or error about a file. */
export interface ReportEntry {
  /** Stable code: of a finding, the direction of a change, or `invalid-profile`. */
  readonly rule: string;
  readonly level: Level;
  /** What changed, such as a syscall. Entries that differ only in it may be shown together. */
  readonly subject?: string;
  readonly message: string;
  /** Absent for the file as a whole. */
  readonly place?: Place | Position;
}

/** What is reported of one file. */
export interface ReportedFile {
  /** As messages name it: a path, `stdin` or a reference. */
  readonly name: string;
  /** Its path from the root of the repository, with slashes; absent if it is not a file there. */
  readonly path?: string;
  readonly entries: readonly ReportEntry[];
  /** Set if the file could not be read at all. */
  readonly unread?: string;
}

/** What a command reports of files, for CI systems. */
export interface Report {
  readonly command: 'lint' | 'diff';
  readonly files: readonly ReportedFile[];
}

const levels: Readonly<Record<Finding['severity'], Level>> = { error: 'error', warning: 'warning', info: 'note' };

/** Returns findings as entries of a report. */
export function findingEntries(findings: readonly Finding[]): readonly ReportEntry[] {
  return findings.map(({ code, severity, message, place }) => ({
    rule: code,
    level: levels[severity],
    message,
    ...(place && { place }),
  }));
}

/**
 * Returns what is reported of a file that was refused: the error, at the place with which its
 * message begins.
 */
export function refusedFile(
  file: Pick<ReportedFile, 'name' | 'path'>,
  { kind, summary, details = [] }: FairleadError,
): ReportedFile {
  const place = positionIn(summary, file.name);
  const fault = place === undefined ? summary : summary.slice(`${file.name}:${place.line}:${place.column}: `.length);
  const message = [fault, ...details].join('\n');
  if (kind !== 'ProfileInvalid' && kind !== 'LimitExceeded') return { ...file, entries: [], unread: message };
  return { ...file, entries: [{ rule: 'invalid-profile', level: 'error', message, ...(place && { place }) }] };
}
