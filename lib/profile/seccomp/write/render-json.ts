import { Utf8Text } from '../../json/utf8-text.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';

/** Which architectures hold on one machine, as profiles of Docker and Podman list them. */
export interface MachineEntry {
  readonly architecture: string;
  readonly subArchitectures: readonly string[];
}

/**
 * Writes a profile as runtime-spec JSON: fields in the specification's order, two spaces of indent,
 * a newline at the end. The same profile always gives the same text.
 *
 * @param archMap a field of Docker and Podman, in place of `architectures`.
 */
export function renderSeccompJson(profile: SeccompProfile, archMap?: readonly MachineEntry[]): string {
  return new TextDecoder().decode(renderSeccompBytes(profile, archMap));
}

/** Returns the text of {@link renderSeccompJson} in UTF-8. */
export function renderSeccompBytes(profile: SeccompProfile, archMap?: readonly MachineEntry[]): Uint8Array {
  const writer = new Writer();
  writer.profile(profile, archMap);
  return writer.text.bytes();
}

/** Writes only the entries of `syscalls`, as a JSON array in one line. */
export function renderSyscallsJson(rules: readonly SeccompRule[]): string {
  const writer = new Writer();
  writer.rules(rules);
  // A string in JSON contains no line breaks.
  return new TextDecoder().decode(writer.text.bytes()).replaceAll(/\n */g, '');
}

class Writer {
  readonly text = new Utf8Text();
  /** Texts in quotes; a profile has the same few again and again. */
  readonly #quoted = new Map<string, string>();

  profile(profile: SeccompProfile, archMap: readonly MachineEntry[] | undefined): void {
    const { text } = this;
    text.add('{\n  "defaultAction": ');
    this.#quote(profile.defaultAction);
    if (profile.defaultErrnoRet !== undefined) text.add(`,\n  "defaultErrnoRet": ${profile.defaultErrnoRet}`);
    this.#words('architectures', profile.architectures);
    if (archMap !== undefined) this.#machines(archMap);
    this.#words('flags', profile.flags);
    this.#word('listenerPath', profile.listenerPath);
    this.#word('listenerMetadata', profile.listenerMetadata);
    if (profile.syscalls !== undefined) {
      text.add(',\n  "syscalls": ');
      this.rules(profile.syscalls);
    }
    text.add('\n}\n');
  }

  #word(name: string, word: string | undefined): void {
    if (word === undefined) return;
    this.text.add(`,\n  "${name}": `);
    this.#quote(word);
  }

  #words(name: string, words: readonly string[] | undefined): void {
    if (words === undefined) return;
    this.text.add(`,\n  "${name}": `);
    this.#list(words);
  }

  #machines(machines: readonly MachineEntry[]): void {
    const { text } = this;
    text.add(',\n  "archMap": [');
    let separator = '\n';
    for (const { architecture, subArchitectures } of machines) {
      text.add(`${separator}    { "architecture": `);
      this.#quote(architecture);
      text.add(', "subArchitectures": ');
      this.#list(subArchitectures);
      text.add(' }');
      separator = ',\n';
    }
    text.add(machines.length === 0 ? ']' : '\n  ]');
  }

  rules(rules: readonly SeccompRule[]): void {
    const { text } = this;
    text.add('[');
    let separator = '\n    {\n      "names": ';
    for (const { names, action, errnoRet, args } of rules) {
      text.add(separator);
      this.#list(names);
      text.add(',\n      "action": ');
      this.#quote(action);
      if (errnoRet !== undefined) text.add(`,\n      "errnoRet": ${errnoRet}`);
      if (args !== undefined) this.#args(args);
      text.add('\n    }');
      separator = ',\n    {\n      "names": ';
    }
    text.add(rules.length === 0 ? ']' : '\n  ]');
  }

  /** Each on one line. */
  #args(args: readonly SeccompArg[]): void {
    const { text } = this;
    text.add(',\n      "args": [');
    let separator = '\n        { "index": ';
    for (const { index, value, valueTwo, op } of args) {
      text.add(separator);
      text.add(`${index}`);
      text.add(', "value": ');
      text.add(digits(value));
      if (valueTwo !== undefined) {
        text.add(', "valueTwo": ');
        text.add(digits(valueTwo));
      }
      text.add(', "op": ');
      this.#quote(op);
      text.add(' }');
      separator = ',\n        { "index": ';
    }
    text.add(args.length === 0 ? ']' : '\n      ]');
  }

  #list(words: readonly string[]): void {
    let separator = '[';
    for (const word of words) {
      this.text.add(separator);
      this.#quote(word);
      separator = ', ';
    }
    this.text.add(words.length === 0 ? '[]' : ']');
  }

  #quote(word: string): void {
    let quoted = this.#quoted.get(word);
    if (quoted === undefined) {
      quoted = JSON.stringify(word);
      this.#quoted.set(word, quoted);
    }
    this.text.add(quoted);
  }
}

/**
 * Returns the digits of a bigint, which JSON does not have; those of a number are made ten times as
 * fast.
 */
function digits(value: bigint): string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? `${number}` : `${value}`;
}
