import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import { isRuntimeProfile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { KeySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import type { CheckedSite } from './checked-site.ts';

/** A version of a profile that a test publishes. */
export interface PublishedVersion {
  readonly tag: string;
  readonly content: string;
  /** Absent for one that is not signed. */
  readonly signer?: KeySigner;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly entry?: Partial<CatalogEntry>;
}

const registry = 'registry.example.com';

/** Publishes versions of a profile, the newest first, and returns it as a catalog has it. */
export async function publish(
  site: CheckedSite,
  repository: string,
  versions: readonly [PublishedVersion, ...PublishedVersion[]],
): Promise<CatalogProfile> {
  const target = site.repository({ registry, repository });
  const entries: CatalogEntry[] = [];
  for (const { tag, content, signer, subject, annotations = {}, entry } of versions) {
    const bytes = new TextEncoder().encode(content);
    const profile = readProfile(bytes);
    if (!isRuntimeProfile(profile)) throw new Error('the profile is for no runtime');
    const artifact = packArtifact(profile, { layout: 'runtime', content: bytes, annotations, subject });
    const signature =
      signer === undefined
        ? undefined
        : packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
    await pushArtifact(target, artifact, signature, tag);
    entries.push({
      registry,
      repository,
      descriptor: artifact.descriptor,
      kind: profile.kind,
      tags: [tag],
      architectures: ['amd64', 'arm64'],
      images: [],
      signers: signer === undefined ? [] : [{ key: signer.key.publicKey.fingerprint }],
      annotations,
      ...entry,
    });
  }
  const [newest, ...others] = entries;
  if (newest === undefined) throw new Error('no version');
  return { registry, repository, name: repository.replace(/^.*\//, ''), versions: [newest, ...others] };
}
