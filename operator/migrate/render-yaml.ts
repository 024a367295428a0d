import { Scalar, stringify } from 'yaml';
import { isList, isObject, type Json, toJson } from './value.ts';

/** Without a limit of width, so that no line is wrapped. Words that YAML 1.1 reads are quoted. */
const rendering = { lineWidth: 0, compat: 'yaml-1.1' } as const;

/** How a document is written. */
export interface YamlStyle {
  /** Columns of a level. */
  readonly indent: number;
  /** True if the dashes of a list are further right than its key. */
  readonly indentSeq: boolean;
}

/** Returns how a document is written, by its first member with members, and its lists. */
export function styleOf(text: string): YamlStyle {
  const deeper = /^[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\r?\n(?: *(?:#[^\n]*)?\r?\n)*( +)[^\s#-]/m.exec(text)?.[1];
  return { indent: deeper?.length ?? 2, indentSeq: !/^( *)[^\s#][^\n]*:[ \t]*\r?\n\1- /m.test(text) };
}

/** Returns a value as a block of YAML. */
export function blockText(value: Json, style: YamlStyle = { indent: 2, indentSeq: true }): string {
  return stringify(value, { ...rendering, ...style });
}

/** Returns a scalar or a key, in the quotes of what it replaces. */
export function scalarText(value: Json, before = ''): string {
  if (typeof value !== 'string') return toJson(value);
  const scalar = new Scalar(value);
  if (before.startsWith('"')) scalar.type = 'QUOTE_DOUBLE';
  if (before.startsWith("'")) scalar.type = 'QUOTE_SINGLE';
  return stringify(scalar, rendering).replace(/\n$/, '');
}

/** Returns a value in braces, in the style of what it replaces, which may be JSON. */
export function flowText(value: Json, before: string): string {
  if (isJson(before)) {
    const [, indent = ''] = /^[{[]\r?\n([ \t]+)/.exec(before) ?? [];
    return toJson(value, indent);
  }
  return inBraces(value, /^\{\S/.test(before) ? '' : ' ');
}

function inBraces(value: Json, pad: string): string {
  if (isList(value)) return `[${value.map((item) => inBraces(item, pad)).join(', ')}]`;
  if (!isObject(value)) return typeof value === 'string' ? wordInBraces(value) : toJson(value);
  const members = Object.entries(value).map(([key, item]) => `${wordInBraces(key)}: ${inBraces(item, pad)}`);
  return members.length === 0 ? '{}' : `{${pad}${members.join(', ')}${pad}}`;
}

function wordInBraces(text: string): string {
  const plain = scalarText(text);
  return /[,[\]{}\n]/.test(plain) && !/^["']/.test(plain) ? JSON.stringify(text) : plain;
}

/** Reports whether a text in braces is JSON with members or items, and no YAML without quotes. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return text.includes('"');
  } catch {
    return false;
  }
}
