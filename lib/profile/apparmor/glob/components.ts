import type { GlobNode } from './node.ts';
import { characterOf, literalOf } from './node.ts';
import { meets, slash } from './symbol-set.ts';

/** What a glob has between two slashes, or after the last one. */
export interface Component {
  /** Where its nodes begin among those of the glob. */
  readonly start: number;
  /** The same for components that are written the same way. */
  readonly text: string;
  /** The literal characters with which everything that it matches begins. */
  readonly prefix: string;
  /** And ends with; empty for a deep one. */
  readonly suffix: string;
  readonly isLiteral: boolean;
  /** Whether a name can have it: false if it matches nothing but the empty text. */
  readonly isText: boolean;
  /** Whether it may hold "/": then it is the last one, and includes all that follows. */
  readonly isDeep: boolean;
}

/** A slash outside of groups and classes: its node, and its place in the text. */
export interface Slash {
  readonly node: number;
  readonly at: number;
}

/** Splits a glob into what follows its slashes. */
export function splitComponents(
  text: string,
  nodes: readonly GlobNode[],
  slashes: readonly Slash[],
): readonly Component[] {
  const components: Component[] = [];
  for (const [index, { node, at }] of slashes.entries()) {
    const end = slashes[index + 1];
    const component = componentOf(node + 1, nodes.slice(node + 1, end?.node), text.slice(at + 1, end?.at));
    components.push(component);
    if (component.isDeep) break;
  }
  return components;
}

function componentOf(start: number, nodes: readonly GlobNode[], text: string): Component {
  const isWild = (node: GlobNode): boolean => characterOf(node) === undefined;
  const begin = nodes.findIndex(isWild);
  if (begin === -1) {
    const literal = literalOf(nodes);
    const isText = literal !== '';
    return { start, text: literal, prefix: literal, suffix: literal, isLiteral: true, isText, isDeep: false };
  }
  const prefix = literalOf(nodes.slice(0, begin));
  // Deep ones count by their beginnings alone; no other component is written with "/".
  if (nodes.some(mayHoldSlash)) {
    return { start, text: `${prefix}/`, prefix, suffix: '', isLiteral: false, isText: true, isDeep: true };
  }
  const suffix = literalOf(nodes.slice(nodes.findLastIndex(isWild) + 1));
  // Groups of nothing have only their own signs.
  return { start, text, prefix, suffix, isLiteral: false, isText: /[^{},]/.test(text), isDeep: false };
}

function mayHoldSlash(node: GlobNode): boolean {
  if (node.kind === 'branches') return node.branches.some((branch) => branch.some(mayHoldSlash));
  return meets(node.set, slash);
}

/**
 * How far several globs are the same text: how many whole components, and how many characters of
 * the next one.
 */
export interface Beginning {
  readonly components: number;
  readonly characters: number;
}

/**
 * Returns how far all of some globs begin with the same text, given as their components. Names that
 * match them agree in these components as in the rest, each on its own, so that it is enough to
 * compare the rest.
 */
export function commonBeginning(own: readonly Component[], others: readonly (readonly Component[])[]): Beginning {
  let components = own.length - 1;
  for (const theirs of others) {
    let same = 0;
    while (same < components && same < theirs.length - 1 && isSameText(own[same], theirs[same])) same += 1;
    components = same;
  }
  const prefix = own[components]?.prefix ?? '';
  let characters = prefix.length;
  for (const theirs of others) {
    const other = theirs[components]?.prefix ?? '';
    let same = 0;
    while (same < characters && prefix[same] === other[same]) same += 1;
    characters = same;
  }
  return { components, characters };
}

function isSameText(a: Component | undefined, b: Component | undefined): boolean {
  if (a === undefined || a.isDeep || !a.isText) return false;
  return a.text === b?.text && a.isLiteral === b.isLiteral;
}
