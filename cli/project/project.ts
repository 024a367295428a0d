import type { FairleadError } from '#lib/errors';
import type { Digest } from '#lib/registry/digest';
import type { Reference } from '#lib/registry/reference';
import type { Version } from '#lib/registry/version-tags';

/** The file that describes a project, by default. */
export const projectFile = 'fairlead.yaml';

/** Who signs, as a project names it; paths are relative to the working directory. */
export type ProjectSigner =
  | {
      readonly key: string;
      readonly passphraseFile?: string;
      readonly signingConfig?: string;
      readonly trustedRoot?: string;
    }
  | { readonly keyless: true; readonly signingConfig?: string; readonly trustedRoot?: string }
  | { readonly unsigned: true };

/** A profile of a project, and how it is published. */
export interface ProjectProfile {
  /** Unique in the project. */
  readonly name: string;
  /** Path from the working directory. */
  readonly file: string;
  /** Why it may not be read, if a directory names it, such as a link that leads out of it. */
  readonly refused?: FairleadError;
  /** The repository, with the tag unless there is a version or a subject. */
  readonly reference: Reference;
  readonly version?: Version;
  readonly annotations: Readonly<Record<string, string>>;
  /** The image that it is for, in its repository. */
  readonly subject?: Digest;
  readonly signer?: ProjectSigner;
  /** Path of the trust policy. */
  readonly policy?: string;
  /** Where the project names its files, as `source:line:column`. */
  readonly places: ProjectPlaces;
}

/** Where a project names the files of a profile. */
export interface ProjectPlaces {
  readonly file: string;
  readonly signer: string;
  readonly policy: string;
}

/** What a project file says. */
export interface Project {
  /** The file. */
  readonly source: string;
  readonly profiles: readonly ProjectProfile[];
  /** Versions move the tag `latest` as well. */
  readonly latest: boolean;
  readonly failOn?: 'loosened';
  readonly overwrite: boolean;
}
