import { FairleadError } from '#lib/errors';
import type { ProfileArtifact } from './artifact.ts';
import { isTar, readTar, type TarFile } from './tar.ts';

/**
 * Returns the profile's document in an artifact, byte for byte as its author published it. Throws
 * ProfileInvalid if the layer of a `crio` artifact holds no JSON that can be read.
 */
export function profileContent({ descriptor, layout, layer }: ProfileArtifact): Uint8Array {
  return layout === 'crio' ? jsonIn(layer.bytes, descriptor.digest) : layer.bytes;
}

/**
 * Returns the first *.json of a tar, in the order in which CRI-O walks a directory; or the layer
 * itself if it is not a tar.
 */
function jsonIn(layer: Uint8Array, name: string): Uint8Array {
  if (isCompressed(layer)) {
    throw new FairleadError('ProfileInvalid', `${name}: its layer is compressed, which is not supported`, {
      hint: 'Publish the JSON uncompressed: fairlead push, or oras push with an uncompressed file.',
    });
  }
  if (!isTar(layer)) return layer;
  const files = tarFiles(layer, name).filter(({ path }) => path.endsWith('.json'));
  const [first, ...others] = files;
  if (first === undefined) {
    throw new FairleadError('ProfileInvalid', `${name}: there is no *.json in its layer`, {
      hint: 'A profile for CRI-O is a *.json file in the layer, or the layer itself.',
    });
  }
  return others.reduce((least, file) => (isBefore(file, least) ? file : least), first).bytes;
}

function tarFiles(layer: Uint8Array, name: string): readonly TarFile[] {
  try {
    return readTar(layer);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FairleadError('ProfileInvalid', `${name}: its layer is not a readable tar: ${cause.message}`, { cause });
  }
}

/**
 * Names are compared directory by directory; of two files with the same name, the later one counts.
 */
function isBefore(one: TarFile, other: TarFile): boolean {
  const [parts, others] = [one.path.split('/'), other.path.split('/')];
  for (const [index, part] of parts.entries()) {
    const against = others[index] ?? '';
    if (part !== against) return part < against;
  }
  return true;
}

/** Reports whether bytes are gzip or zstd, by the first of them. */
function isCompressed(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes;
  return (
    (first === 0x1f && second === 0x8b) || (first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd)
  );
}
