import { globsOf } from './access.ts';
import type { Flat } from './glob/flatten.ts';
import { flatten } from './glob/flatten.ts';
import type { GlobNode } from './glob/node.ts';
import { literalNode } from './glob/node.ts';
import type { SymbolSet } from './glob/symbol-set.ts';
import { anySymbol, holdsOther, isSame, notSlash, printableMembers } from './glob/symbol-set.ts';
import { writeGlob } from './glob/write-glob.ts';

/**
 * Characters that SPO accepts in a path: no alternatives, classes or escapes, and no variable at
 * the beginning.
 */
const accepted = /^\/[a-zA-Z0-9_./*?+@{} -]*$/;
const mostPaths = 64;

/**
 * Returns paths that the Security Profiles Operator accepts, and that together match the same names
 * as the given one: alternatives and classes are written out. Returns undefined if none exist,
 * or too many are needed.
 */
export function spoPaths(path: string): readonly string[] | undefined {
  const [glob] = globsOf([path]);
  if (glob === undefined) return undefined;
  for (const text of [glob.text, glob.expanded]) if (accepted.test(text)) return [text];
  const written = new Set<string>();
  for (const flat of flatten(glob.nodes) ?? [undefined]) {
    const texts = flat && withoutClasses(flat)?.flatMap((nodes) => withoutOptions(writeGlob(nodes)));
    if (texts === undefined || !texts.every((text) => accepted.test(text))) return undefined;
    // The kernel asks for no name with "//".
    for (const text of texts) if (!text.includes('//')) written.add(text);
    if (written.size > mostPaths) return undefined;
  }
  return [...written];
}

function withoutClasses(flat: Flat): readonly (readonly GlobNode[])[] | undefined {
  let sequences: (readonly GlobNode[])[] = [[]];
  for (const node of flat) {
    const choices = node.kind === 'many' ? [node] : choicesOf(node.set);
    if (choices === undefined || choices.length * sequences.length > mostPaths) return undefined;
    sequences = sequences.flatMap((sequence) => choices.map((choice) => [...sequence, choice]));
  }
  return sequences;
}

function choicesOf(set: SymbolSet): readonly GlobNode[] | undefined {
  if (isSame(set, notSlash)) return [{ kind: 'one', set }];
  if (isSame(set, anySymbol)) return [{ kind: 'one', set: notSlash }, literalNode('/')];
  return holdsOther(set) ? undefined : printableMembers(set).map(literalNode);
}

/**
 * Returns a text in which a star that fills a component and may be empty is written as two texts.
 */
function withoutOptions(text: string): readonly string[] {
  const found = /\{,(\*+)\}/.exec(text);
  if (found === null) return [text];
  const [before, after] = [text.slice(0, found.index), text.slice(found.index + found[0].length)];
  return ['', found[1] ?? ''].flatMap((star) => withoutOptions(before + star + after));
}
