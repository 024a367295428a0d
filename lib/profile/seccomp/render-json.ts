import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';

/** Which architectures hold on one machine, as profiles of Docker and Podman list them. */
export interface MachineEntry {
  readonly architecture: string;
  readonly subArchitectures: readonly string[];
}

/**
 * Writes a profile as runtime-spec JSON: fields in the specification's order, two spaces of indent, a newline at the
 * end. The same profile always gives the same text.
 *
 * @param archMap a field of Docker and Podman, in place of `architectures`.
 */
export function renderSeccompJson(profile: SeccompProfile, archMap?: readonly MachineEntry[]): string {
  return [...seccompJson(profile, archMap)].join('');
}

/** The text of {@link renderSeccompJson} entry by entry: of a big profile it need not all be there at a time. */
export function* seccompJson(profile: SeccompProfile, archMap?: readonly MachineEntry[]): Iterable<string> {
  const quoted = new Quoted();
  yield `{\n  "defaultAction": ${quoted.of(profile.defaultAction)}`;
  if (profile.defaultErrnoRet !== undefined) yield field('defaultErrnoRet', `${profile.defaultErrnoRet}`);
  if (profile.architectures !== undefined) yield field('architectures', quoted.list(profile.architectures));
  if (archMap !== undefined) yield field('archMap', machineList(archMap, quoted));
  if (profile.flags !== undefined) yield field('flags', quoted.list(profile.flags));
  if (profile.listenerPath !== undefined) yield field('listenerPath', quoted.of(profile.listenerPath));
  if (profile.listenerMetadata !== undefined) yield field('listenerMetadata', quoted.of(profile.listenerMetadata));
  if (profile.syscalls !== undefined) {
    yield field('syscalls', '[');
    let separator = '\n';
    for (const rule of profile.syscalls) {
      yield separator + ruleText(rule, quoted);
      separator = ',\n';
    }
    yield profile.syscalls.length === 0 ? ']' : '\n  ]';
  }
  yield '\n}\n';
}

/** A field of the profile after another. */
function field(name: string, value: string): string {
  return `,\n  "${name}": ${value}`;
}

function machineList(machines: readonly MachineEntry[], quoted: Quoted): string {
  if (machines.length === 0) return '[]';
  const lines = machines.map(({ architecture, subArchitectures }) => {
    const others = quoted.list(subArchitectures);
    return `    { "architecture": ${quoted.of(architecture)}, "subArchitectures": ${others} }`;
  });
  return `[\n${lines.join(',\n')}\n  ]`;
}

function ruleText({ names, action, errnoRet, args }: SeccompRule, quoted: Quoted): string {
  let text = `    {\n      "names": ${quoted.list(names)},\n      "action": ${quoted.of(action)}`;
  if (errnoRet !== undefined) text += `,\n      "errnoRet": ${errnoRet}`;
  if (args !== undefined) text += `,\n      "args": ${argList(args, quoted)}`;
  return `${text}\n    }`;
}

/** Each on one line; JSON has no bigint, so the digits are written as they are. */
function argList(args: readonly SeccompArg[], quoted: Quoted): string {
  let text = '[';
  for (const { index, value, valueTwo, op } of args) {
    text += `${text === '[' ? '' : ','}\n        { "index": ${index}, "value": ${digits(value)}`;
    if (valueTwo !== undefined) text += `, "valueTwo": ${digits(valueTwo)}`;
    text += `, "op": ${quoted.of(op)} }`;
  }
  return args.length === 0 ? '[]' : `${text}\n      ]`;
}

/** A number is written ten times as fast as a bigint. */
function digits(value: bigint): string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? `${number}` : `${value}`;
}

/** Texts in quotes; a profile has the same few again and again. */
class Quoted {
  readonly #known = new Map<string, string>();

  of(text: string): string {
    let quoted = this.#known.get(text);
    if (quoted === undefined) {
      quoted = JSON.stringify(text);
      this.#known.set(text, quoted);
    }
    return quoted;
  }

  list(texts: readonly string[]): string {
    let list = '';
    for (const text of texts) list += list === '' ? this.of(text) : `, ${this.of(text)}`;
    return `[${list}]`;
  }
}
