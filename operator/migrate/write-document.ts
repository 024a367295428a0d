import { FairleadError } from '#lib/errors';
import { readYaml } from '#lib/profile/yaml/read-yaml';
import { arrange } from './arrange.ts';
import { limits, type SourceDocument } from './document.ts';
import type { Move } from './moves.ts';
import { patchYaml } from './patch-yaml.ts';
import { blockText } from './render-yaml.ts';
import { equal, type Json, jsonOf, toJson } from './value.ts';

/** A document with another value. */
export interface Written {
  readonly text: string;
  /** True if its comments and layout could not be kept. */
  readonly isRendered: boolean;
}

/**
 * Returns the text of a document with another value. Comments and layout are kept. The text is read
 * again: if it does not have exactly the value, the document is rendered anew, without comments.
 */
export function writeDocument(source: SourceDocument, next: Json, moves: readonly Move[]): Written {
  const { text, value = null } = source;
  const arranged = arrange(value, next, moves);
  if (source.isJson) {
    const [, indent = ''] = /^\s*[{[]\r?\n([ \t]+)/.exec(text) ?? [];
    return { text: `${toJson(arranged, indent)}${text.endsWith('\n') ? '\n' : ''}`, isRendered: false };
  }
  const patched = patchYaml(text, value, arranged, moves);
  if (reads(patched, next)) return { text: patched, isRendered: false };
  const start = text.startsWith('---') ? '---\n' : '';
  const rendered = `${start}${blockText(arranged)}`;
  return { text: rendered, isRendered: true };
}

function reads(text: string, value: Json): boolean {
  try {
    return equal(jsonOf(readYaml(Buffer.from(text), 'result', limits)), value);
  } catch (error) {
    if (error instanceof FairleadError) return false;
    throw error;
  }
}
