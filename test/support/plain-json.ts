import assert from 'node:assert/strict';
import type { JsonNode } from '#lib/profile/json/node';

/** Returns the value that JSON.parse would give for a node. */
export function plainJson(node: JsonNode): unknown {
  switch (node.type) {
    case 'object':
      return Object.fromEntries([...node.members].map(([key, { value }]) => [key, plainJson(value)]));
    case 'array':
      assert.equal([...node.items].length, node.items.length);
      return Array.from(node.items, plainJson);
    case 'number':
      return Number(node.source);
    case 'null':
      return null;
    default:
      return node.value;
  }
}
