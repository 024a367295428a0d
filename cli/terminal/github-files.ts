import { randomUUID } from 'node:crypto';
import { appendFile, stat } from 'node:fs/promises';
import { unwritable } from '../files/files.ts';
import { writeNote } from './output.ts';

/** GitHub shows no summary of a step that is larger. */
const maxSummaryBytes = 1024 * 1024;

/** What a command tells a workflow of GitHub, beside its annotations. */
export interface ForGithub {
  /** Markdown for the page of the run. */
  readonly summary: string;
  /** Outputs of the step by their names. */
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Adds a result to the summary and the outputs of the step, if GitHub Actions runs this process: to
 * the files that GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name. Throws InvalidInput if they cannot be
 * written.
 */
export async function writeForGithub({ summary, outputs }: ForGithub, env: NodeJS.ProcessEnv): Promise<void> {
  const { GITHUB_STEP_SUMMARY: summaryFile, GITHUB_OUTPUT: outputFile } = env;
  if (summaryFile) await append(summaryFile, `${summary.trimEnd()}\n\n`, maxSummaryBytes);
  const lines = Object.entries(outputs).map(([name, value]) => outputLines(name, value));
  if (outputFile) await append(outputFile, lines.join(''), Number.POSITIVE_INFINITY);
}

/** A value may have lines of its own, so it ends at a line that cannot be guessed. */
function outputLines(name: string, value: string): string {
  const end = `end-${randomUUID()}`;
  return `${name}<<${end}\n${value}\n${end}\n`;
}

async function append(file: string, text: string, limit: number): Promise<void> {
  try {
    const size = await stat(file).then(
      (status) => status.size,
      () => 0,
    );
    if (size + Buffer.byteLength(text) > limit) {
      writeNote('note', `the summary of this step is full: ${file} would be larger than ${limit} bytes`);
      return;
    }
    await appendFile(file, text);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}
