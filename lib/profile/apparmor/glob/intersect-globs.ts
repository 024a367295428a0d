import { meet } from './automaton.ts';
import type { GlobBudget } from './budget.ts';
import { answerOnce, spend } from './budget.ts';
import { isCovered } from './cover.ts';
import type { Flat } from './flatten.ts';
import { flatten } from './flatten.ts';
import type { Glob } from './glob.ts';
import type { GlobNode } from './node.ts';
import { characterOf } from './node.ts';
import { parseGlob } from './parse-glob.ts';
import { intersection, isEmpty, isSubset } from './symbol-set.ts';
import { writeGlob } from './write-glob.ts';

const maxPieces = 64;

/**
 * Returns the globs that together match exactly the names that both match (names without "//"). An
 * intersection of two globs always is a finite union of globs; undefined if that would be too many,
 * or the budget ends first.
 */
export function intersectGlobs(a: Glob, b: Glob, budget: GlobBudget): readonly Glob[] | undefined {
  return answerOnce(budget.known?.common, [a, b], () => workOut(a, b, budget));
}

function workOut(a: Glob, b: Glob, budget: GlobBudget): readonly Glob[] | undefined {
  const common = meet(a, b, budget);
  if (common === undefined) return undefined;
  if (!common) return [];
  if (a.literal) return [a];
  if (b.literal) return [b];
  if (isCovered(a, [b], budget)) return [a];
  if (isCovered(b, [a], budget)) return [b];
  const texts = commonTexts(a, b, budget);
  if (texts === undefined) return undefined;
  const globs: Glob[] = [];
  for (const text of texts) {
    const glob = parseGlob(text);
    // What is handed on is shown to lie in both, so that no mistake in the pairing can loosen a
    // profile.
    if ('fault' in glob || !isCovered(glob, [a], budget) || !isCovered(glob, [b], budget)) return undefined;
    globs.push(glob);
  }
  return globs;
}

/**
 * Returns what two globs have in common as texts: component by component, until one of them may
 * hold "/".
 */
function commonTexts(a: Glob, b: Glob, budget: GlobBudget): readonly string[] | undefined {
  let texts = [''];
  for (const [index, left] of a.components.entries()) {
    const right = b.components[index];
    if (right === undefined) return [];
    const isRest = left.isDeep || right.isDeep;
    const isSame = !isRest && left.text === right.text && left.isLiteral === right.isLiteral;
    const ends =
      isSame && !left.isLiteral
        ? [`/${left.text}`]
        : commonPieces(nodesFrom(a, index, isRest), nodesFrom(b, index, isRest), budget);
    if (ends === undefined || texts.length * ends.length > maxPieces) return undefined;
    texts = texts.flatMap((text) => ends.map((end) => text + end));
    if (isRest) break;
  }
  // An empty component: no name has it.
  return texts.filter((text) => !text.includes('//'));
}

/** Returns the nodes of one component, or all from there on, with the slash before them. */
function nodesFrom({ nodes, components }: Glob, index: number, isRest: boolean): readonly GlobNode[] {
  const begin = (components[index]?.start ?? 1) - 1;
  const next = isRest ? undefined : components[index + 1];
  return nodes.slice(begin, next && next.start - 1);
}

function commonPieces(
  left: readonly GlobNode[],
  right: readonly GlobNode[],
  budget: GlobBudget,
): readonly string[] | undefined {
  const [lefts, rights] = [flatten(left), flatten(right)];
  if (lefts === undefined || rights === undefined) return undefined;
  const texts = new Set<string>();
  for (const one of lefts) {
    for (const other of rights) {
      const pieces = new Pairing(one, other, budget).pieces(0, 0);
      if (pieces === undefined) return undefined;
      for (const piece of pieces) if (isAskedFor(piece)) texts.add(writeGlob(piece));
      if (texts.size > maxPieces) return undefined;
    }
  }
  return [...texts];
}

/**
 * Reports whether the kernel may ask for a piece: it never has "//", "." or ".." in a name, and
 * apparmor_parser would make two slashes into one, another name.
 */
function isAskedFor(piece: Flat): boolean {
  const literal = piece.map((node) => characterOf(node) ?? '*').join('');
  return !/\/\/|(^|\/)\.\.?(\/|$)/.test(literal);
}

/** Intersects two flat sequences, from their ends to their beginnings, each pair of ends once. */
class Pairing {
  readonly #left: Flat;
  readonly #right: Flat;
  readonly #budget: GlobBudget;
  readonly #done = new Map<number, readonly Flat[] | undefined>();

  constructor(left: Flat, right: Flat, budget: GlobBudget) {
    this.#left = left;
    this.#right = right;
    this.#budget = budget;
  }

  /**
   * Returns what left from `l` on and right from `r` on have in common; undefined if that is too
   * large.
   */
  pieces(l: number, r: number): readonly Flat[] | undefined {
    const key = l * (this.#right.length + 1) + r;
    if (this.#done.has(key)) return this.#done.get(key);
    if (!spend(this.#budget, 8)) return undefined;
    const found = this.#find(l, r);
    const few = found !== undefined && found.length > maxPieces ? undefined : found;
    this.#done.set(key, few);
    return few;
  }

  #find(l: number, r: number): readonly Flat[] | undefined {
    const left = this.#left[l];
    const right = this.#right[r];
    if (left === undefined || right === undefined) {
      const rest = left === undefined ? this.#right.slice(r) : this.#left.slice(l);
      return rest.every(({ kind }) => kind === 'many') ? [[]] : [];
    }
    const node = { kind: 'one', set: intersection(left.set, right.set) } as const;
    if (left.kind === 'one' && right.kind === 'one') return before(node, this.pieces(l + 1, r + 1));
    // A star takes nothing more, or the symbol that the other side has.
    if (left.kind === 'many' && right.kind === 'one') {
      return both(this.pieces(l + 1, r), before(node, this.pieces(l, r + 1)));
    }
    if (left.kind === 'one' && right.kind === 'many') {
      return both(this.pieces(l, r + 1), before(node, this.pieces(l + 1, r)));
    }
    // Two stars run together until the first of them ends.
    return before({ kind: 'many', set: node.set }, both(this.pieces(l + 1, r), this.pieces(l, r + 1)));
  }
}

function before(node: Flat[number], ends: readonly Flat[] | undefined): readonly Flat[] | undefined {
  if (ends === undefined) return undefined;
  if (isEmpty(node.set)) return node.kind === 'many' ? ends : [];
  return ends.map((end) => {
    const next = end[0];
    if (node.kind !== 'many' || next?.kind !== 'many') return [node, ...end];
    // Of two stars in a row the wider one is enough.
    if (isSubset(node.set, next.set)) return end;
    return isSubset(next.set, node.set) ? [node, ...end.slice(1)] : [node, ...end];
  });
}

function both(a: readonly Flat[] | undefined, b: readonly Flat[] | undefined): readonly Flat[] | undefined {
  return a === undefined || b === undefined ? undefined : [...a, ...b];
}
