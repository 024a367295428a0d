import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';

/** Returns an artifact with one layer of this content. */
export function artifactOf(content: string): Artifact {
  const config = blob('application/vnd.cncf.seccomp-profile.config.v1+json', Buffer.from('{}'));
  const layer = blob(mediaTypes.imageLayer, Buffer.from(content));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: config.descriptor.mediaType,
    config: config.descriptor,
    layers: [layer.descriptor],
  } as const;
  return assembleArtifact(manifest, [config, layer]);
}

export const signature = {
  format: 'bundle',
  manifest: digestOf(Buffer.from('m')),
  bundle: Buffer.from('{"b":1}'),
  message: Buffer.from('manifest'),
} as const;
export const legacy = {
  format: 'legacy',
  manifest: digestOf(Buffer.from('l')),
  payload: Buffer.from('payload'),
  annotations: { 'dev.cosignproject.cosign/signature': 'x' },
} as const;
export const attested = {
  format: 'legacy-attestation',
  manifest: digestOf(Buffer.from('a')),
  envelope: Buffer.from('envelope'),
  annotations: { predicateType: 'x' },
} as const;
/** Returns what a pull of the artifact would put into a store. */
export const from = (artifact: Artifact, repository = 'localhost:5000/a') =>
  ({ artifact, kind: 'Seccomp', repository, signatures: [signature, legacy, attested] }) as const;
export const limits = { artifactBytes: 1000 };
