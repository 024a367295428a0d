import type { Decision, Meaning } from './meaning.ts';
import { decisionOf } from './meaning.ts';

/** Syscalls with which each of several profiles does the same, so that what comes of them is found out once. */
export interface LikeTreated {
  readonly names: readonly string[];
  /** One decision of each profile. */
  readonly inputs: readonly Decision[];
}

interface Node {
  readonly next: Map<Decision, Node>;
  group?: { readonly names: string[]; readonly inputs: readonly Decision[] };
}

/** Every syscall that any profile names, those with the fewest conditions first: a budget then lasts for most. */
export function likeTreated(meanings: readonly Meaning[]): readonly LikeTreated[] {
  const root: Node = { next: new Map() };
  const groups: LikeTreated[] = [];
  const seen = new Set<string>();
  for (const { decisions } of meanings) {
    for (const name of decisions.keys()) {
      if (seen.size === seen.add(name).size) continue;
      const node = nodeOf(root, meanings, name);
      if (node.group === undefined) {
        node.group = { names: [], inputs: meanings.map((meaning) => decisionOf(meaning, name)) };
        groups.push(node.group);
      }
      node.group.names.push(name);
    }
  }
  const sizes = new Map(groups.map((group) => [group, pairsOf(group)]));
  return groups.sort((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0));
}

function nodeOf(root: Node, meanings: readonly Meaning[], name: string): Node {
  let node = root;
  for (const meaning of meanings) {
    const decision = decisionOf(meaning, name);
    const next = node.next.get(decision) ?? { next: new Map() };
    node.next.set(decision, next);
    node = next;
  }
  return node;
}

function pairsOf({ inputs }: LikeTreated): number {
  return inputs.reduce((product, { regions }) => product * (1 + regions.length), 1);
}
