// Reports what does not keep to the style of comments, of which no formatter takes care.
import { projectFiles } from './project-files.ts';
import { wideComments } from './style-rules.ts';

const sources = projectFiles(['*.ts', '*.js', '*.sh', '*.yaml', '*.yml', ':!*/gen/*', ':!*/fixtures/*']);
const faults = Object.entries(sources).flatMap(([file, text]) =>
  wideComments(text).map(({ line, message }) => `${file}:${line}: ${message}`),
);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
