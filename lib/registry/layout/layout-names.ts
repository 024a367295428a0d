import type { Descriptor } from '../descriptor.ts';
import { formatReference, isTag, parseReference, type Reference } from '../reference.ts';
import { IndexFile } from './index-file.ts';
import { tagAnnotation } from './repository.ts';

/** Annotation with the full name of an index entry, which containerd and Docker write and read. */
const fullNameAnnotation = 'io.containerd.image.name';

/** An artifact, and a name by which it is to be found in a layout. */
export interface NamedArtifact {
  readonly descriptor: Descriptor;
  readonly reference: Reference;
}

/** The names of an index entry. */
export interface EntryNames {
  /** What tools select it by, usually its tag. */
  readonly tag?: string;
  /** Its name with registry and repository, if that is known. */
  readonly reference?: Reference;
}

/**
 * Names artifacts of a layout in its index.json. Tools such as skopeo and oras select an entry by
 * its tag; if several artifacts have the same tag, they are named by registry, repository and tag.
 * The names do not depend on the order of the artifacts.
 */
export async function nameArtifacts(root: string, named: readonly NamedArtifact[]): Promise<void> {
  await new IndexFile(root).change((manifests) => {
    const digests = new Set(named.map(({ descriptor }) => descriptor.digest));
    const others = manifests.filter(({ digest }) => !digests.has(digest));
    const entries = named.map((each) => {
      const known = manifests.find(({ digest }) => digest === each.descriptor.digest) ?? each.descriptor;
      const { annotations: _, ...entry } = known;
      return { ...entry, annotations: annotationsOf(each, named) };
    });
    return [...others, ...entries];
  });
}

function annotationsOf(
  { descriptor, reference }: NamedArtifact,
  all: readonly NamedArtifact[],
): Readonly<Record<string, string>> {
  const { registry, repository, tag } = reference;
  const name = formatReference({
    registry,
    repository,
    ...(tag === undefined ? { digest: descriptor.digest } : { tag }),
  });
  if (tag === undefined) return { [fullNameAnnotation]: name };
  const isAmbiguous = all.some((other) => other.reference.tag === tag && other.descriptor.digest !== descriptor.digest);
  return { [fullNameAnnotation]: name, [tagAnnotation]: isAmbiguous ? name : tag };
}

/**
 * Reads the names of an index entry that any tool may have written: skopeo and Docker write full
 * names in place of the tag as well.
 */
export function namesOf({ annotations = {} }: Pick<Descriptor, 'annotations'>): EntryNames {
  const { [tagAnnotation]: tag, [fullNameAnnotation]: name } = annotations;
  const reference = parsedName(name) ?? (tag === undefined || isTag(tag) ? undefined : parsedName(tag));
  const own = tag === undefined || isTag(tag) ? tag : (reference?.tag ?? tag);
  return {
    ...(own === undefined ? {} : { tag: own }),
    ...(reference === undefined ? {} : { reference }),
  };
}

function parsedName(text: string | undefined): Reference | undefined {
  if (text === undefined) return undefined;
  try {
    return parseReference(text);
  } catch {
    return undefined; // it is no full name
  }
}
