// Reports comments that are too wide, which no formatter wraps, and phrases that are unclear.
import { projectFiles } from './project-files.ts';
import { type StyleFault, unclearPhrases, wideComments } from './style-rules.ts';

// These name the phrases themselves.
const lists = [':!CONTRIBUTING.md', ':!tools/style-rules.ts', ':!tools/style-rules.test.ts'];
const generated = [':!*/gen/*', ':!*/fixtures/*'];
const sources = projectFiles(['*.ts', '*.js', '*.sh', '*.yaml', '*.yml', ...generated]);
const prose = projectFiles(['*.ts', '*.js', '*.sh', '*.yaml', '*.yml', '*.md', ...generated, ...lists]);

function report(files: Readonly<Record<string, string>>, rule: (text: string) => StyleFault[]): string[] {
  return Object.entries(files).flatMap(([file, text]) =>
    rule(text).map(({ line, message }) => `${file}:${line}: ${message}`),
  );
}

const faults = [...report(sources, wideComments), ...report(prose, unclearPhrases)];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
