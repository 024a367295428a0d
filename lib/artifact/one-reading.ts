import { FairleadError } from '#lib/errors';
import { KnownNames, repeatedMemberHint, respelledMember } from '#lib/profile/json/known-names';
import type { JsonNode } from '#lib/profile/json/node';
import { readJson } from '#lib/profile/json/read-json';
import { maxManifestBytes } from './artifact.ts';

const limits = { bytes: maxManifestBytes, depth: 16, values: 10_000 };

/** The members of a manifest and of the descriptors in it (image-spec 1.1). */
const names = new KnownNames([
  ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'subject', 'annotations'],
  ...['digest', 'size', 'urls', 'data', 'platform'],
]);

/**
 * Verifies that every reader of a manifest finds the same config and the same layers. Those in Go,
 * such as runtimes, ignore the case of members, and use the last one of several. Throws
 * ProfileInvalid that names the member, and LimitExceeded for a manifest that is too large.
 */
export function requireOneReading(bytes: Uint8Array): void {
  const { root } = readJson(bytes, 'manifest', limits);
  const config = memberOf(root, 'config');
  const layers = memberOf(root, 'layers');
  for (const node of [root, config, ...(layers?.type === 'array' ? layers.items : [])]) {
    if (node?.type !== 'object') continue;
    for (const [member] of node.members) {
      const meant = names.meantBy(member);
      if (meant === undefined || meant === member) continue;
      throw new FairleadError('ProfileInvalid', respelledMember(member, meant), { hint: repeatedMemberHint });
    }
  }
}

function memberOf(node: JsonNode, name: string): JsonNode | undefined {
  return node.type === 'object' ? node.members.get(name)?.value : undefined;
}
