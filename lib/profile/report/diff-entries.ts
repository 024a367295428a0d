import type { Change, Direction, ProfileDiff } from '../change.ts';
import type { ComparedProfile } from '../compare-profile-files.ts';
import { type OneSided, renderOneSidedText } from '../render-diff.ts';
import { type Level, type ReportEntry, type ReportedFile, refusedFile } from './report.ts';

/** How severe it is if more is permitted: an error if that fails the run. */
type LoosenedLevel = 'error' | 'warning';

/** Returns changes as entries of a report. */
export function changeEntries({ changes }: ProfileDiff, loosened: LoosenedLevel): readonly ReportEntry[] {
  const levelOf: Readonly<Record<Direction, Level>> = { loosened, tightened: 'note', changed: 'note' };
  return changes.map((change) => ({
    rule: change.direction,
    level: levelOf[change.direction],
    subject: change.subject,
    message: describeChange(change),
    ...(change.place && { place: change.place }),
  }));
}

function describeChange({ from, to, where }: Change): string {
  return `${from} -> ${to}${where === undefined ? '' : ` where ${where}`}`;
}

/** Returns a new or deleted profile as an entry of a report. */
export function oneSidedEntry(one: OneSided): ReportEntry {
  return { rule: `${one.change}-profile`, level: 'note', message: renderOneSidedText(one).trimEnd() };
}

/** Returns what is reported of one of the profiles that differ between two directories. */
export function reportedComparison(
  file: Pick<ReportedFile, 'name' | 'path'>,
  { change, kind, diff, undecided, error }: ComparedProfile,
  loosened: LoosenedLevel,
): ReportedFile {
  if (error !== undefined) return refusedFile(file, error);
  if (diff !== undefined) return { ...file, entries: changeEntries(diff, loosened) };
  if (undecided !== undefined) {
    const message = `It cannot be compared, and is treated as loosened: ${undecided}.`;
    return { ...file, entries: [{ rule: 'loosened', level: loosened, message }] };
  }
  // Without a kind, it is a deleted file that was not a valid profile.
  if (kind === undefined) return { ...file, entries: [] };
  return {
    ...file,
    entries: [oneSidedEntry({ change: change === 'new' ? change : 'deleted', kind, name: file.name })],
  };
}
