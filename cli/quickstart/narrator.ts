import { styleText } from 'node:util';
import type { FairleadError } from '#lib/errors';
import { withFlags } from '../terminal/hints.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * Writes what the quickstart does to a stream: numbered steps, the equivalent commands, and facts.
 * Uses colours if the stream is a terminal and NO_COLOR is not set.
 */
export class Narrator {
  readonly #stream: NodeJS.WriteStream;
  #step = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  title(text: string): void {
    this.#say(this.#style('bold', text));
  }

  /** Writes the title of the next step. */
  step(text: string): void {
    this.#step++;
    this.#say();
    this.#say(this.#style(['bold', 'blue'], `${this.#step}. ${text}`));
  }

  /** Writes the command line that is equivalent to what follows. */
  command(line: string): void {
    this.#say(`   ${this.#style('dim', `$ ${line}`)}`);
  }

  fact(name: string, value: string): void {
    this.#say(`   ${this.#style('cyan', name.padEnd(12))} ${value}`);
  }

  note(text: string): void {
    this.#say(`   ${text}`);
  }

  /** Writes an expected refusal. */
  refused({ message, hint }: FairleadError): void {
    this.#say(`   ${this.#style('green', 'refused')}      ${message}`);
    if (hint !== undefined) this.#say(`   ${this.#style('dim', `${' '.repeat(12)} ${withFlags(hint)}`)}`);
  }

  #say(line = ''): void {
    this.#stream.write(`${line}\n`);
  }

  #style(format: Style, text: string): string {
    return styleText(format, text, { stream: this.#stream });
  }
}
