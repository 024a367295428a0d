import { styleText } from 'node:util';
import type { FairleadError } from '#lib/errors';
import { withFlags } from '../terminal/hints.ts';

/**
 * Tells a story on the terminal: numbered steps, the commands that would do the same, and facts.
 */
export interface Narrator {
  title(text: string): void;
  step(text: string): void;
  /** The command line that does what follows. */
  command(line: string): void;
  fact(name: string, value: string): void;
  note(text: string): void;
  /** Something that was to be refused, and was. */
  refused(error: FairleadError): void;
}

type Style = Parameters<typeof styleText>[0];

/** Tells on a stream; in colour where that is a terminal and NO_COLOR does not forbid it. */
export function narrateOn(stream: NodeJS.WriteStream): Narrator {
  const style = (format: Style, text: string): string => styleText(format, text, { stream });
  const say = (line = ''): void => void stream.write(`${line}\n`);
  let step = 0;
  return {
    title: (text) => say(style('bold', text)),
    step(text) {
      step++;
      say();
      say(style(['bold', 'blue'], `${step}. ${text}`));
    },
    command: (line) => say(`   ${style('dim', `$ ${line}`)}`),
    fact: (name, value) => say(`   ${style('cyan', name.padEnd(12))} ${value}`),
    note: (text) => say(`   ${text}`),
    refused(error) {
      say(`   ${style('green', 'refused')}      ${error.message}`);
      if (error.hint !== undefined) say(`   ${style('dim', `${' '.repeat(12)} ${withFlags(error.hint)}`)}`);
    },
  };
}
