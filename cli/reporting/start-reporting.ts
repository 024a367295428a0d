import type { Command } from 'commander';
import { onStep, step } from '#lib/steps';
import type { VerbosityOptions } from '../options/verbosity.ts';
import { asksForJson, writeReport } from '../terminal/output.ts';
import { reporting } from '../terminal/verbosity.ts';
import { reportWaits } from './report-waits.ts';

/** Begins to report what a command does, as its options request. To be called before it runs. */
export async function startReporting(command: Command): Promise<void> {
  const { quiet, verbose, debug } = command.opts<VerbosityOptions>();
  if (quiet) reporting.verbosity = 'quiet';
  // Services have a log instead, and no such option.
  if (command.options.some(({ long }) => long === '--quiet') && !asksForJson(process.argv)) reportWaits();
  if (!verbose && !debug) return;
  reporting.verbosity = debug ? 'debug' : 'verbose';
  onStep((text) => writeReport('step', text));
  if (debug) {
    const [{ reportRequests }, { reportPrograms }] = await Promise.all([
      import('./report-requests.ts'),
      import('./report-programs.ts'),
    ]);
    reportRequests((line) => writeReport('http', line));
    reportPrograms((line) => writeReport('exec', line));
  }
  for (const option of command.options) {
    if (command.getOptionValueSource(option.attributeName()) !== 'env') continue;
    step(() => `${option.long} ${command.getOptionValue(option.attributeName())}, from ${option.envVar}`);
  }
}
