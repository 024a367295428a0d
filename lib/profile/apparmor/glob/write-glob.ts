import type { GlobNode } from './node.ts';
import { characterOf } from './node.ts';
import type { SymbolSet } from './symbol-set.ts';
import { anySymbol, complement, holdsOther, isSame, isSubset, notSlash, printableMembers } from './symbol-set.ts';

/**
 * Writes a sequence of single symbols and stars as a glob that parseGlob reads back with the same
 * meaning.
 *
 * @param nodes without branches.
 */
export function writeGlob(nodes: readonly GlobNode[]): string {
  let text = '';
  for (let at = 0; at < nodes.length; at++) {
    const node = nodes[at];
    if (node === undefined || node.kind === 'branches') continue;
    const next = nodes[at + 1];
    if (node.kind === 'one' && isSame(node.set, notSlash) && next?.kind === 'many' && text.endsWith('/')) {
      // "/?*" at the end of a component means the same as "/*".
      if (endsComponent(nodes[at + 2])) {
        text += star(next.set);
        at += 1;
        continue;
      }
    }
    if (node.kind === 'one') text += characterOf(node) === undefined ? one(node.set) : escaped(characterOf(node) ?? '');
    else if (text.endsWith('/') && endsComponent(next)) text += `{,${star(node.set)}}`;
    else text += star(node.set);
  }
  return text;
}

function endsComponent(node: GlobNode | undefined): boolean {
  return node === undefined || characterOf(node) === '/';
}

function star(set: SymbolSet): string {
  return isSubset(anySymbol, set) ? '**' : '*';
}

function escaped(character: string): string {
  return '*?[]{}^,'.includes(character) ? `\\${character}` : character;
}

function one(set: SymbolSet): string {
  if (isSame(set, notSlash)) return '?';
  // Everything but NUL has no sign of its own: some character, or "/".
  if (isSame(set, anySymbol)) return '{?,/}';
  return holdsOther(set) ? `[^${members(complement(set))}]` : `[${members(set)}]`;
}

/**
 * Returns the members of a class: "-" comes first, if it is no range; "^" never does; runs of
 * digits and letters become ranges.
 */
function members(set: SymbolSet): string {
  const all = printableMembers(set);
  const plain = all.filter((character) => character !== '-' && character !== '^' && character !== '!');
  let text = all.includes('-') ? '-' : '';
  for (let at = 0; at < plain.length; ) {
    const from = plain[at] ?? '';
    let end = at;
    while (isNext(plain[end], plain[end + 1])) end += 1;
    text += end - at >= 2 ? `${from}-${plain[end]}` : plain.slice(at, end + 1).join('');
    at = end + 1;
  }
  return text + ['!', '^'].filter((character) => all.includes(character)).join('');
}

function isNext(a: string | undefined, b: string | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    b.charCodeAt(0) === a.charCodeAt(0) + 1 &&
    /^([0-9]{2}|[a-z]{2}|[A-Z]{2})$/.test(a + b)
  );
}
