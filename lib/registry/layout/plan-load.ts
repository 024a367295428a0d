import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Descriptor } from '../descriptor.ts';
import { formatReference, formatRepository, isRegistry, isTag, parseReference, type Reference } from '../reference.ts';
import { isReservedTag, refuseReservedTag } from '../reserved-tag.ts';
import type { LayoutRoot } from './open-layout.ts';

/** Where the artifacts of a layout go. */
export type LoadDestination =
  /** One repository; with a tag or a digest, one artifact. */
  | { readonly reference: Reference }
  /** The repositories of their own names, below this prefix in place of their registry. */
  | { readonly registry: string; readonly prefix: string }
  /** The repositories of their own names. */
  | 'own names';

/** One artifact to load, its repository, and its tags there. */
export interface PlannedLoad {
  readonly descriptor: Descriptor;
  readonly repository: Pick<Reference, 'registry' | 'repository'>;
  readonly tags: readonly string[];
}

/**
 * Parses a destination: a reference, or `registry/prefix/` with a slash at its end. Throws
 * InvalidInput.
 */
export function parseLoadDestination(text: string | undefined): LoadDestination {
  if (text === undefined) return 'own names';
  if (!text.endsWith('/')) {
    const reference = parseReference(text);
    refuseReservedTag(reference.tag);
    return { reference };
  }
  const name = text.slice(0, -1);
  if (isRegistry(name)) return { registry: name, prefix: '' };
  const { registry, repository, tag, digest } = parseReference(name);
  if (tag === undefined && digest === undefined) return { registry, prefix: `${repository}/` };
  throw new FairleadError('InvalidInput', `${quote(text)} ends with a slash, but names an artifact`, {
    hint: 'Leave out the slash, or the tag and the digest.',
  });
}

/**
 * Decides where each artifact of a layout is loaded to. `origin` names the layout in errors. Throws
 * NotFound if there is no such artifact, and InvalidInput if a tag is given for several artifacts,
 * if two have the same name, if one has no name and needs it, and for a tag that is invalid.
 */
export function planLoad(
  roots: readonly LayoutRoot[],
  destination: LoadDestination,
  origin: string,
): readonly PlannedLoad[] {
  const digest =
    typeof destination === 'object' && 'reference' in destination ? destination.reference.digest : undefined;
  const wanted = digest === undefined ? roots : roots.filter(({ descriptor }) => descriptor.digest === digest);
  if (wanted.length === 0) {
    const held = roots.map(nameOf).join(', ');
    throw new FairleadError('NotFound', `${origin} has no ${digest ?? 'artifact'}`, {
      hint: held === '' ? 'It was made from an empty layout. Save it again.' : `It has ${held}.`,
    });
  }
  const planned =
    typeof destination === 'object' && 'reference' in destination
      ? intoOne(wanted, destination.reference, origin)
      : wanted.flatMap((root) => byName(root, destination, origin));
  refuseSameNames(planned, origin);
  return planned;
}

function intoOne(
  wanted: readonly LayoutRoot[],
  { tag, registry, repository }: Reference,
  origin: string,
): PlannedLoad[] {
  if (tag !== undefined && wanted.length > 1) {
    throw new FairleadError(
      'InvalidInput',
      `${origin} has ${wanted.length} artifacts, and only one can have the tag ${tag}: ${wanted.map(nameOf).join(', ')}`,
      { hint: 'Add the digest of one (:TAG@sha256:…), or leave out the tag to load all under their own tags.' },
    );
  }
  return wanted.map(({ descriptor, tags }) => ({
    descriptor,
    repository: { registry, repository },
    tags: tag === undefined ? tags.map((each) => usableTag(each, origin)) : [tag],
  }));
}

/** Plans the load of an artifact to each repository of its names. */
function byName(
  { descriptor, references, tags }: LayoutRoot,
  destination: { readonly registry: string; readonly prefix: string } | 'own names',
  origin: string,
): PlannedLoad[] {
  if (references.length === 0) {
    throw new FairleadError(
      'InvalidInput',
      `${origin} does not specify a repository for ${tags[0] ?? descriptor.digest}`,
      {
        hint: 'Name the repository to load it to.',
      },
    );
  }
  const planned = new Map<string, { repository: Pick<Reference, 'registry' | 'repository'>; tags: string[] }>();
  for (const { registry, repository, tag } of references) {
    const into =
      destination === 'own names'
        ? { registry, repository }
        : { registry: destination.registry, repository: `${destination.prefix}${repository}` };
    const known = planned.get(formatRepository(into)) ?? {
      repository: parseReference(formatRepository(into)),
      tags: [],
    };
    planned.set(formatRepository(into), known);
    if (tag !== undefined && !known.tags.includes(tag)) known.tags.push(usableTag(tag, origin));
  }
  return [...planned.values()].map((each) => ({ descriptor, ...each }));
}

function usableTag(tag: string, origin: string): string {
  if (isTag(tag) && !isReservedTag(tag)) return tag;
  const why = isTag(tag) ? 'reserved' : 'invalid';
  throw new FairleadError('InvalidInput', `${why} tag ${quote(tag, 200)} in ${origin}`, {
    hint: 'Specify another tag: registry/repository:tag.',
  });
}

/** Throws InvalidInput if two artifacts would get the same tag of the same repository. */
function refuseSameNames(planned: readonly PlannedLoad[], origin: string): void {
  const taken = new Map<string, Descriptor>();
  for (const { descriptor, repository, tags } of planned) {
    for (const tag of tags) {
      const name = formatReference({ ...repository, tag });
      const other = taken.get(name);
      taken.set(name, descriptor);
      if (other === undefined || other.digest === descriptor.digest) continue;
      throw new FairleadError('InvalidInput', `${origin} has two artifacts for ${name}`, {
        details: [other.digest, descriptor.digest],
        hint: 'To keep their repositories, end the destination with a slash: registry/ or registry/prefix/. Or load one by its digest.',
      });
    }
  }
}

function nameOf({ descriptor, references, tags }: LayoutRoot): string {
  const [reference] = references;
  return reference === undefined ? (tags[0] ?? descriptor.digest) : formatReference(reference);
}
