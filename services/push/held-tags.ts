import type { Descriptor } from '#lib/registry/descriptor';
import { ifThere } from '#lib/registry/if-there';
import { listTags } from '#lib/registry/list-tags';
import type { LookupOptions, TagLister, Target } from '#lib/registry/target';
import { tagBefore, versionTags } from '#lib/registry/version-tags';
import type { PublishRequest } from './publication.ts';

/** A tag to publish under, and what it holds now. */
export interface HeldTag {
  readonly tag: string;
  readonly holds?: Descriptor;
  /** The tag of a newer version for which the tag stands. */
  readonly newer?: string;
}

/** The tags of a publication. */
export interface HeldTags {
  /** The requested tag, or those of the version, that of the whole version first. */
  readonly held: readonly HeldTag[];
  /** The tag of the newest version before the published one. */
  readonly before?: HeldTag;
}

/** Reads what the tags of a publication hold, from where they are written to. */
export async function readTags(
  { reference, version }: Pick<PublishRequest, 'reference' | 'version'>,
  target: Target & TagLister,
  options: LookupOptions,
): Promise<HeldTags> {
  if (version === undefined) {
    const { tag } = reference;
    return { held: tag === undefined ? [] : [await readTag({ tag }, target, options)] };
  }
  // There is no repository before the first profile.
  const existing = (await ifThere(listTags(target, options))) ?? [];
  const tags = versionTags(version.number, { latest: version.latest, existing });
  const older = tagBefore(existing, version.number);
  const [before, ...held] = await Promise.all([
    older === undefined ? undefined : readTag({ tag: older }, target, options),
    ...tags.map((tag) => readTag(tag, target, options)),
  ]);
  return { held, ...(before && { before }) };
}

async function readTag(tag: Omit<HeldTag, 'holds'>, target: Target, options: LookupOptions): Promise<HeldTag> {
  const holds = await ifThere(target.resolve(tag.tag, { ...options, fromOrigin: true }));
  return holds === undefined ? tag : { ...tag, holds };
}
