import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import type { Target } from '#lib/registry/target';

/** Content and the descriptor that names it. */
export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Some bytes as a blob. */
export function blob(content: string | Uint8Array, mediaType = 'application/octet-stream'): Content {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

export const emptyConfig = blob(emptyConfigBytes, mediaTypes.emptyConfig);

/** A manifest of some layers, an artifact of a type of its own. */
export function manifest(
  layers: readonly Content[],
  more: { subject?: Descriptor; artifactType?: string; annotations?: Record<string, string> } = {},
): Content {
  const value = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: more.artifactType ?? 'application/vnd.fairlead.test',
    config: emptyConfig.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(more.subject === undefined ? {} : { subject: more.subject }),
    ...(more.annotations === undefined ? {} : { annotations: more.annotations }),
  };
  return blob(JSON.stringify(value), mediaTypes.manifest);
}

/** An index of some manifests. */
export function index(manifests: readonly Content[]): Content {
  const value = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: manifests.map(({ descriptor }) => descriptor),
  };
  return blob(JSON.stringify(value), mediaTypes.index);
}

/** Pushes each content in order. */
export async function pushAll(target: Target, contents: readonly Content[]): Promise<void> {
  for (const { descriptor, bytes } of contents) await target.push(descriptor, bytes);
}
