import type { Report, ReportEntry, ReportedFile } from './report.ts';
import { type RuleId, ruleHelp, ruleMeanings } from './rules.ts';

/** How many results of a file there are so far that are alike. */
type Numbers = Map<string, number>;

/**
 * Returns a report as a SARIF 2.1.0 log with one run. Paths are relative to the root of the
 * repository (`%SRCROOT%`). Files that could not be read are notifications of the invocation, which
 * then was not successful.
 *
 * @param version of Fairlead.
 */
export function renderSarif({ command, files }: Report, version: string): string {
  const used = [...new Set(files.flatMap(({ entries }) => entries.map(({ rule }) => rule)))].sort();
  const notifications = files.flatMap((file) =>
    file.unread === undefined
      ? []
      : [{ level: 'error', message: { text: file.unread }, locations: [{ physicalLocation: artifactOf(file) }] }],
  );
  const run = {
    tool: {
      driver: {
        name: 'Fairlead',
        version,
        informationUri: 'https://fairlead.dev',
        rules: used.map(describeRule),
      },
    },
    automationDetails: { id: `fairlead/${command}/` },
    columnKind: 'utf16CodeUnits',
    invocations: [
      {
        executionSuccessful: notifications.length === 0,
        ...(notifications.length > 0 && { toolExecutionNotifications: notifications }),
      },
    ],
    artifacts: files.map((file) => ({ location: artifactOf(file).artifactLocation })),
    results: files.flatMap((file) => resultsOf(file, command === 'diff', used)),
  };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function describeRule(rule: string): object {
  const meaning = { text: ruleMeanings[rule as RuleId] ?? rule };
  // Code scanning of GitHub refuses a rule without one of these.
  return { id: rule, shortDescription: meaning, fullDescription: meaning, help: meaning, helpUri: ruleHelp(rule) };
}

function artifactOf({ name, path }: Pick<ReportedFile, 'name' | 'path'>) {
  const uri = (path ?? name).split('/').map(encodeURIComponent).join('/');
  return { artifactLocation: path === undefined ? { uri } : { uri, uriBaseId: '%SRCROOT%' } };
}

function resultsOf(file: ReportedFile, isCompared: boolean, rules: readonly string[]): readonly object[] {
  const numbers: Numbers = new Map();
  return file.entries.map((entry) => {
    const { rule, level, subject, message, place } = entry;
    const endColumn = place !== undefined && 'endColumn' in place ? place.endColumn : undefined;
    const pointer = place !== undefined && 'pointer' in place ? place.pointer : undefined;
    return {
      ruleId: rule,
      ruleIndex: rules.indexOf(rule),
      level,
      message: { text: subject === undefined ? message : `${subject}: ${message}` },
      locations: [
        {
          physicalLocation: {
            ...artifactOf(file),
            region: {
              startLine: place?.line ?? 1,
              ...(place !== undefined && { startColumn: place.column }),
              ...(endColumn !== undefined && { endColumn }),
            },
          },
          ...(pointer && { logicalLocations: [{ fullyQualifiedName: pointer, kind: 'member' }] }),
        },
      ],
      partialFingerprints: { 'fairlead/v1': fingerprint(entry, numbers) },
      ...(isCompared && { baselineState: baselineStates[rule] ?? 'updated' }),
    };
  });
}

/** How results of diff relate to the old profile; the others are updated. */
const baselineStates: Readonly<Record<string, 'new' | 'absent'>> = {
  loosened: 'new',
  'new-profile': 'new',
  'invalid-profile': 'new',
  'deleted-profile': 'absent',
};

/**
 * Returns what stays the same of a result if other parts of the file change: the code, what it is
 * about, and a number among the results of the file that are alike.
 */
function fingerprint({ rule, subject, message }: ReportEntry, numbers: Numbers): string {
  const key = `${rule} ${subject ?? message}`;
  const number = (numbers.get(key) ?? 0) + 1;
  numbers.set(key, number);
  return `${key} ${number}`;
}
