import type { CatalogProfile } from '#lib/catalog/entry';
import type { FoundProfile } from '#lib/node/find/find-profiles';
import type { Digest } from '#lib/registry/digest';
import type { Reference } from '#lib/registry/reference';

/** What the page of a container image shows. */
export interface ImageView {
  readonly image: Reference;
  /** What its tag named; absent if its registry was not asked. */
  readonly digest?: Digest;
  readonly attached: AttachedProfiles;
  /** Profiles that the catalogs state to be made for it, with how many there are. */
  readonly made: readonly CatalogProfile[];
  readonly madeTotal: number;
}

/** The profiles that are attached to an image in its registry. */
export type AttachedProfiles =
  | {
      readonly profiles: readonly (Pick<FoundProfile, 'kind' | 'name' | 'version' | 'summary' | 'reference'> & {
        readonly platform?: string;
        readonly signer: string;
      })[];
      readonly refused: readonly { readonly digest: Digest; readonly why: string }[];
      readonly unexamined: number;
    }
  /** Why the registry was not asked, or what it answered. */
  | { readonly problem: string };
