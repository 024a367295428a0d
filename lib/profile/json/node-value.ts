import type { JsonNode } from './node.ts';

/**
 * Returns the value of a node, as JSON.parse does, except that integers above 2^53 are bigints, so
 * that they are not rounded.
 */
export function nodeValue(node: JsonNode): unknown {
  switch (node.type) {
    case 'object': {
      const entries = Array.from(node.members, ([name, { value }]) => [name, nodeValue(value)] as const);
      return Object.fromEntries(entries);
    }
    case 'array':
      return Array.from(node.items, nodeValue);
    case 'number':
      return numberOf(node.source);
    case 'null':
      return null;
    default:
      return node.value;
  }
}

function numberOf(source: string): number | bigint {
  const value = Number(source);
  return Number.isSafeInteger(value) || !/^-?[0-9]+$/.test(source) ? value : BigInt(source);
}
