import { FairleadError } from '#lib/errors';

/**
 * `<algorithm>-<hex>`, with the hex part whole or cut to 64 characters, and an optional suffix
 * after a dot. In any letter case, since some registries ignore it when they store tags.
 */
const digestTag = /^(?:(?:sha256|blake3)-[0-9a-f]{64}|sha384-[0-9a-f]{64,96}|sha512-[0-9a-f]{64,128})(?:\..*)?$/i;

/**
 * Reports whether a tag is derived from a digest: the list of referrers of a manifest
 * (distribution-spec 1.1, "Referrers Tag Schema"), or what cosign 2 stores beside an artifact under
 * `sha256-<hex>.sig`, `.att` and `.sbom`. Only the tools that store these write them.
 */
export function isReservedTag(tag: string): boolean {
  return digestTag.test(tag);
}

/**
 * Refuses a reserved tag that a user asks to be written: what it held, such as the signatures of
 * another artifact, would be lost. Undefined, for no tag, passes. Throws InvalidInput.
 */
export function refuseReservedTag(tag: string | undefined): void {
  if (tag === undefined || !isReservedTag(tag)) return;
  throw new FairleadError('InvalidInput', `tag ${tag} is reserved for signatures and referrers of that digest`, {
    hint: 'Choose another tag. Signing and copying an artifact write such tags themselves.',
  });
}
