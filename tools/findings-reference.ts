import { table } from './cli-reference.ts';

const intro = `# Findings and changes

\`fairlead lint\` and \`fairlead diff\` report these codes: in text, JSON, SARIF, JUnit and annotations. They do not change their
meaning. Errors of \`lint\` are what \`push\` refuses; everything else is advice.
`;

/** Returns the reference page of the codes in reports. */
export function findingsReference(meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(meanings)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, meaning]) => [`\`${code}\``, meaning]);
  return `${intro}\n${table(['code', 'meaning'], rows)}`;
}
