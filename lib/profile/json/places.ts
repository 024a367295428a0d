import type { Place, Position } from '../place.ts';
import type { JsonNode } from './node.ts';
import { linesOf } from './positions.ts';
import type { JsonDocument } from './read-json.ts';

/** The names and numbers that are looked up in a node, and where the results belong. */
interface Wanted {
  readonly pointer: string;
  readonly below: Map<string, Wanted>;
  /** The offset of the name or item, once it is found. */
  at?: number;
}

/**
 * Returns where the values of JSON pointers (RFC 6901) are in a document: the name of a member, or
 * an item. All are looked up in one pass, because long arrays are read again in each.
 *
 * @param wanted for each result, pointers of which the first with a value counts; if none has one,
 * it is the nearest place above the first.
 */
export function placesIn(document: JsonDocument, wanted: readonly (readonly string[])[]): readonly Place[] {
  const root: Wanted = { pointer: '', below: new Map(), at: document.root.at };
  const paths = wanted.map((pointers) => pointers.map((pointer) => pathTo(root, pointer)));
  findBelow(document.root, root);
  const found = paths.map((choices) => {
    const path = choices.find((steps) => steps.at(-1)?.at !== undefined) ?? choices[0] ?? [];
    return path.findLast(({ at }) => at !== undefined) ?? root;
  });
  const offsets = found.map(({ at = 0 }) => at);
  const positions = linesOf(document.text, offsets);
  return found.map(({ pointer, at = 0 }, index) => {
    const { line, column } = positions[index] as Position;
    return { line, column, endColumn: column + wordLength(document.text, at), pointer };
  });
}

/** Adds a pointer to what is wanted, and returns its steps from the root. */
function pathTo(root: Wanted, pointer: string): readonly Wanted[] {
  const steps = pointer.split('/').slice(1);
  const path = [root];
  let wanted = root;
  for (const step of steps) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: Wanted = wanted.below.get(name) ?? { pointer: `${wanted.pointer}/${step}`, below: new Map() };
    wanted.below.set(name, next);
    path.push(next);
    wanted = next;
  }
  return path;
}

function findBelow(node: JsonNode, { below }: Wanted): void {
  if (below.size === 0) return;
  if (node.type === 'object') {
    for (const [name, wanted] of below) {
      const member = node.members.get(name);
      if (member === undefined) continue;
      wanted.at = member.keyAt;
      findBelow(member.value, wanted);
    }
  }
  if (node.type !== 'array') return;
  let left = below.size;
  let index = 0;
  for (const item of node.items) {
    const wanted = below.get(String(index));
    index += 1;
    if (wanted === undefined) continue;
    wanted.at = item.at;
    findBelow(item, wanted);
    left -= 1;
    if (left === 0) return;
  }
}

/** Returns the length of the string, or of the word or sign, that begins at an offset. */
function wordLength(text: string, at: number): number {
  const word = /"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*'|[{}[\]]|[^\s,:{}[\]"']+/y;
  word.lastIndex = at;
  return word.exec(text)?.[0].length ?? 1;
}
