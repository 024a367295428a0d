import { isUtf8 } from 'node:buffer';
import type { JsonLimits } from '../../json/read-json.ts';
import { JsonScanner, unusual } from '../../json/scanner.ts';
import { mostWords, WordTable } from '../../json/word-table.ts';
import type { SeccompAction, SeccompArg, SeccompOperator, SeccompProfile, SeccompRule } from '../model.ts';
import { actions, architectures, flags, operators } from '../tables/vocabulary.ts';
import { assembleArg, assembleProfile, assembleRule } from './assemble.ts';
import { limits } from './limits.ts';

/** The fields of all three objects; a field's number is that of its name in the table of words. */
const fields = [
  ...['defaultAction', 'defaultErrnoRet', 'architectures', 'flags', 'listenerPath', 'listenerMetadata', 'syscalls'],
  ...['names', 'action', 'errnoRet', 'args', 'index', 'value', 'valueTwo', 'op'],
];
const DEFAULT_ACTION = fields.indexOf('defaultAction');
const DEFAULT_ERRNO_RET = fields.indexOf('defaultErrnoRet');
const ARCHITECTURES = fields.indexOf('architectures');
const FLAGS = fields.indexOf('flags');
const LISTENER_PATH = fields.indexOf('listenerPath');
const LISTENER_METADATA = fields.indexOf('listenerMetadata');
const SYSCALLS = fields.indexOf('syscalls');
const NAMES = fields.indexOf('names');
const ACTION = fields.indexOf('action');
const ERRNO_RET = fields.indexOf('errnoRet');
const ARGS = fields.indexOf('args');
const INDEX = fields.indexOf('index');
const VALUE = fields.indexOf('value');
const VALUE_TWO = fields.indexOf('valueTwo');
const OP = fields.indexOf('op');

const maxUint32 = 0xffff_ffff;

/** The words that are allowed in one place, as the numbers from `first` on. */
interface Vocabulary<Word extends string = string> {
  readonly first: number;
  readonly words: readonly Word[];
}

const vocabulary: string[] = [...fields];
const actionWords = numbered<SeccompAction>(actions);
const operatorWords = numbered<SeccompOperator>(operators);
const architectureWords = numbered([...architectures.keys()]);
const flagWords = numbered(flags);
const knownWords = WordTable.of(vocabulary);

function numbered<Word extends string>(words: readonly Word[]): Vocabulary<Word> {
  const first = vocabulary.length;
  vocabulary.push(...words);
  return { first, words };
}

/**
 * Reads a profile as runtimes read it, in one pass over its bytes and an eighth of the time that
 * readJson and parseSeccomp take: for what comes from registries, which may be a mebibyte of
 * anything.
 *
 * @returns what those two make of it; undefined for everything that they refuse, for a profile with
 * unknown members, which is in another form or in none, and for what only they know: names with
 * escapes or beyond ASCII.
 */
export function readPlainSeccomp(bytes: Uint8Array, most: JsonLimits): SeccompProfile | undefined {
  if (bytes.length > most.bytes || !isUtf8(bytes)) return undefined;
  const words = knownWords.copy();
  try {
    return new Reader(new JsonScanner(bytes, most, words), words).profile();
  } catch (thrown) {
    if (thrown !== unusual) throw thrown;
    return undefined;
  }
}

class Reader {
  readonly #scanner: JsonScanner;
  readonly #words: WordTable;
  readonly #ofProfile = new Members(DEFAULT_ACTION, SYSCALLS);
  readonly #ofRule = new Members(NAMES, ARGS);
  readonly #ofArg = new Members(INDEX, OP);
  /** Which words were names of syscalls. */
  readonly #isName = new Uint8Array(mostWords);
  #different = 0;
  #names = 0;
  #args = 0;
  /** Lists of one name, by its number: many entries share them. */
  readonly #alone = new Map<number, readonly string[]>();
  /**
   * For lists that are being read. What grows takes more room than it needs; of the result there
   * may be thousands.
   */
  readonly #list: SeccompArg[] = [];

  constructor(scanner: JsonScanner, words: WordTable) {
    this.#scanner = scanner;
    this.#words = words;
  }

  profile(): SeccompProfile {
    const scanner = this.#scanner;
    let defaultAction: SeccompAction | undefined;
    let defaultErrnoRet: number | undefined;
    let archList: readonly string[] | undefined;
    let flagList: readonly string[] | undefined;
    let listenerPath: string | undefined;
    let listenerMetadata: string | undefined;
    let syscalls: readonly SeccompRule[] | undefined;
    if (!scanner.enterObject()) throw unusual;
    do {
      const name = this.#ofProfile.add(scanner.name());
      if (scanner.passNull()) continue;
      if (name === DEFAULT_ACTION) defaultAction = this.#oneOf(actionWords);
      else if (name === DEFAULT_ERRNO_RET) defaultErrnoRet = this.#integer(maxUint32);
      else if (name === ARCHITECTURES) archList = this.#wordList(architectureWords);
      else if (name === FLAGS) flagList = this.#wordList(flagWords);
      else if (name === LISTENER_PATH) listenerPath = this.#text();
      else if (name === LISTENER_METADATA) listenerMetadata = this.#text();
      else syscalls = this.#rules();
    } while (scanner.hasMoreMembers());
    scanner.end();
    if (defaultAction === undefined) throw unusual;
    return assembleProfile({
      defaultAction,
      defaultErrnoRet,
      architectures: archList,
      flags: flagList,
      listenerPath,
      listenerMetadata,
      syscalls,
    });
  }

  #rules(): readonly SeccompRule[] {
    const rules: SeccompRule[] = [];
    if (!this.#scanner.enterArray()) return rules;
    do {
      if (rules.length === limits.entries) throw unusual;
      rules.push(this.#nextRule());
    } while (this.#scanner.hasMoreItems());
    return rules;
  }

  #nextRule(): SeccompRule {
    const scanner = this.#scanner;
    let names: readonly string[] | undefined;
    let action: SeccompAction | undefined;
    let errnoRet: number | undefined;
    let args: readonly SeccompArg[] | undefined;
    this.#ofRule.clear();
    if (!scanner.enterObject()) throw unusual;
    do {
      const name = this.#ofRule.add(scanner.name());
      if (scanner.passNull()) continue;
      if (name === NAMES) names = this.#nameList();
      else if (name === ACTION) action = this.#oneOf(actionWords);
      else if (name === ERRNO_RET) errnoRet = this.#integer(maxUint32);
      else args = this.#argList();
    } while (scanner.hasMoreMembers());
    if (names === undefined || action === undefined) throw unusual;
    return assembleRule(names, action, errnoRet, args);
  }

  #nameList(): readonly string[] {
    const scanner = this.#scanner;
    if (!scanner.enterArray()) throw unusual;
    const first = this.#name();
    if (!scanner.hasMoreItems()) return this.#listOf(first);
    const names = [this.#words.wordOf(first)];
    do names.push(this.#words.wordOf(this.#name()));
    while (scanner.hasMoreItems());
    return names.slice();
  }

  #name(): number {
    const name = this.#scanner.word();
    this.#names += 1;
    if (this.#isName[name] === 0) {
      this.#isName[name] = 1;
      this.#different += 1;
      if (this.#words.wordOf(name) === '') throw unusual;
    }
    if (this.#names > limits.names || this.#different > limits.different) throw unusual;
    return name;
  }

  #listOf(name: number): readonly string[] {
    const list = this.#alone.get(name) ?? [this.#words.wordOf(name)];
    this.#alone.set(name, list);
    return list;
  }

  #argList(): readonly SeccompArg[] {
    if (!this.#scanner.enterArray()) return [];
    let length = 0;
    do {
      this.#args += 1;
      if (this.#args > limits.arguments) throw unusual;
      this.#list[length] = this.#nextArg();
      length += 1;
    } while (this.#scanner.hasMoreItems());
    return this.#list.slice(0, length);
  }

  #nextArg(): SeccompArg {
    const scanner = this.#scanner;
    let index: number | undefined;
    let value: bigint | undefined;
    let valueTwo: bigint | undefined;
    let op: SeccompOperator | undefined;
    this.#ofArg.clear();
    if (!scanner.enterObject()) throw unusual;
    do {
      const name = this.#ofArg.add(scanner.name());
      if (scanner.passNull()) continue;
      if (name === INDEX) index = this.#integer(5);
      else if (name === VALUE) value = scanner.bigInteger();
      else if (name === VALUE_TWO) valueTwo = scanner.bigInteger();
      else op = this.#oneOf(operatorWords);
    } while (scanner.hasMoreMembers());
    if (index === undefined || value === undefined || op === undefined) throw unusual;
    return assembleArg(index, value, valueTwo, op);
  }

  #oneOf<Word extends string>({ first, words }: Vocabulary<Word>): Word {
    const word = words[this.#scanner.word() - first];
    if (word === undefined) throw unusual;
    return word;
  }

  #wordList(vocabulary: Vocabulary): readonly string[] {
    const list: string[] = [];
    if (!this.#scanner.enterArray()) return list;
    do list.push(this.#oneOf(vocabulary));
    while (this.#scanner.hasMoreItems());
    if (list.length > limits.words) throw unusual;
    return list;
  }

  #integer(max: number): number {
    const value = this.#scanner.integer();
    if (value > max) throw unusual;
    return value;
  }

  #text(): string {
    const text = this.#scanner.text();
    if (text.length > limits.textLength) throw unusual;
    return text;
  }
}

/** The members of the object that is being read: fields whose numbers lie together. */
class Members {
  readonly #first: number;
  readonly #last: number;
  /** Which of the fields it has had, a bit for each. */
  #had = 0;

  constructor(first: number, last: number) {
    this.#first = first;
    this.#last = last;
  }

  /** @throws unusual for a name that the format does not have, or that the object has had. */
  add(name: number): number {
    if (name < this.#first || name > this.#last) throw unusual;
    const bit = 1 << (name - this.#first);
    if ((this.#had & bit) !== 0) throw unusual;
    this.#had |= bit;
    return name;
  }

  /** For the next object. */
  clear(): void {
    this.#had = 0;
  }
}
