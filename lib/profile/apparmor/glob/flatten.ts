import type { GlobNode } from './node.ts';

/** One branch of a glob, written out: no groups. */
export type Flat = readonly Exclude<GlobNode, { kind: 'branches' }>[];

const maxBranches = 64;

/** Returns every choice of branches; undefined if there are too many. */
export function flatten(nodes: readonly GlobNode[]): readonly Flat[] | undefined {
  let flats: Flat[] = [[]];
  for (const node of nodes) {
    const ends: readonly Flat[] = node.kind === 'branches' ? flattenBranches(node.branches) : [[node]];
    if (ends.length === 0 || ends.length * flats.length > maxBranches) return undefined;
    flats = flats.flatMap((flat) => ends.map((end) => [...flat, ...end]));
  }
  return flats;
}

function flattenBranches(branches: readonly (readonly GlobNode[])[]): readonly Flat[] {
  const flats: Flat[] = [];
  for (const branch of branches) {
    const found = flatten(branch);
    if (found === undefined) return [];
    flats.push(...found);
  }
  return flats;
}
