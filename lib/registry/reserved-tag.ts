import { FairleadError } from '#lib/errors';

/**
 * `<algorithm>-<hex>`, the hex part cut to 64 characters or whole, and what tools append to it
 * after a dot. Registries that fold case when they store tags exist, so capitals are no way around.
 */
const digestTag = /^(?:(?:sha256|blake3)-[0-9a-f]{64}|sha384-[0-9a-f]{64,96}|sha512-[0-9a-f]{64,128})(?:\..*)?$/i;

/**
 * Reports whether a tag stands for a digest: the list of referrers of a manifest (distribution-spec
 * 1.1, "Referrers Tag Schema"), or what cosign 2 keeps beside an artifact under `sha256-<hex>.sig`,
 * `.att` and `.sbom`. Only the tools that keep these write them.
 */
export function isReservedTag(tag: string): boolean {
  return digestTag.test(tag);
}

/**
 * Refuses a tag that a person or a file asks to be written where it is reserved: whatever it held,
 * such as the signatures of another artifact, would be lost. Undefined, for no tag, passes. Throws
 * InvalidInput.
 */
export function refuseReservedTag(tag: string | undefined): void {
  if (tag === undefined || !isReservedTag(tag)) return;
  throw new FairleadError('InvalidInput', `tag ${tag} is reserved for signatures and referrers of that digest`, {
    hint: 'Choose another tag. Signing and copying an artifact write such tags on their own.',
  });
}
