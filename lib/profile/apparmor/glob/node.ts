import type { SymbolSet } from './symbol-set.ts';
import { isSame, singleton } from './symbol-set.ts';

/** A glob as a tree: one symbol of a set, any number of them, or one of several branches. */
export type GlobNode =
  | { readonly kind: 'one'; readonly set: SymbolSet }
  | { readonly kind: 'many'; readonly set: SymbolSet }
  | { readonly kind: 'branches'; readonly branches: readonly (readonly GlobNode[])[] };

const characters = Array.from({ length: 95 }, (_, index) => String.fromCharCode(index + 0x20));

const literals: ReadonlyMap<string, GlobNode> = new Map(
  characters.map((character) => [character, { kind: 'one', set: singleton(character) }]),
);

/**
 * Returns the node for a character; the same one every time, for most of what globs hold are
 * characters.
 */
export function literalNode(character: string): GlobNode {
  return literals.get(character) ?? { kind: 'one', set: singleton(character) };
}

const byKey: ReadonlyMap<number, string> = new Map(
  characters.map((character) => [keyOf(singleton(character)), character]),
);

function keyOf({ low, middle, high }: SymbolSet): number {
  // A set of one has one word that is not zero, a power of two.
  return low !== 0 ? Math.abs(low) : middle !== 0 ? Math.abs(middle) * 2 ** 32 : Math.abs(high) * 2 ** 64;
}

/** Returns the character that a node matches, if it is exactly one. */
export function characterOf(node: GlobNode): string | undefined {
  if (node.kind !== 'one') return undefined;
  const character = byKey.get(keyOf(node.set));
  return character !== undefined && isSame(singleton(character), node.set) ? character : undefined;
}

/** Returns the characters of nodes that match one each. */
export function literalOf(nodes: readonly GlobNode[]): string {
  let text = '';
  for (const node of nodes) text += characterOf(node) ?? '';
  return text;
}
