import assert from 'node:assert/strict';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { parseVersion } from '#lib/registry/version-tags';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import type { PublishRequest } from '#services/push/publication';
import { publish } from '#services/push/publish';
import { PublicationRefused } from '#services/push/refused-publication';

/** The repository of the tests. */
export const repository = parseReference('registry.example.com/security/nginx');
/** A tag in it. */
export const reference = parseReference('registry.example.com/security/nginx:stable');
const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
/** Signs what is published by default. */
export const signer = await newSigner();
/** Another signer. */
export const stranger = await newSigner();
/** Returns a profile that permits these calls. */
export const allowing = (...names: readonly string[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }),
  );
/** A profile that permits one call. */
export const strict = allowing('read');
/** A looser profile. */
export const lax = allowing('read', 'ptrace');
/** Dependencies of publish, without the target. */
export const common = { signer, clock: () => new Date(0), limits: defaultPublicationLimits };

/** A repository in memory that counts what is written. */
export function counted(): Repository & { writes: string[] } {
  const memory = memoryRepository();
  const writes: string[] = [];
  return {
    ...memory,
    writes,
    async push(descriptor, content, options) {
      if (!(await memory.exists(descriptor))) writes.push(descriptor.digest);
      return memory.push(descriptor, content, options);
    },
    async tag(descriptor, tag, options) {
      writes.push(tag);
      return memory.tag(descriptor, tag, options);
    },
  };
}

/** Publishes a profile under the reference. */
export const put = (
  target: Repository,
  bytes: Uint8Array,
  request: Partial<PublishRequest> = {},
  by: KeySigner = signer,
) => publish(bytes, { reference, ...request }, { ...common, signer: by, target });
/** Requests a version in place of the tag. */
export const version = (text: string, latest = false): Partial<PublishRequest> => ({
  reference: repository,
  version: { number: parseVersion(text), latest },
});
/** Verifies that a publication was refused, with this message. */
export const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PublicationRefused, String(error));
  assert.match(error.message, pattern);
  return true;
};
