export type Architecture = 'x64' | 'arm64';
export const architectures: readonly Architecture[] = ['x64', 'arm64'];

/** One build of the files that are published. */
export interface Release {
  readonly version: string;
  /** The Git commit that is built, 40 hexadecimal digits. */
  readonly commit: string;
  /** Seconds since 1970: the time of the commit, and the only time in what is built. */
  readonly epoch: number;
  /** The directory for the files that are published. */
  readonly directory: string;
  /** A directory for what is needed only while building. */
  readonly work: string;
}

/** A file or symbolic link of the program's file tree, as archives and packages hold it. */
export type TreeFile = {
  /** Path from the root of the tree, without a leading slash: `usr/bin/fairlead`. */
  readonly path: string;
} & (
  | {
      readonly mode: number;
      /** The path of a file with the content, or the content. */
      readonly source: string | Uint8Array;
    }
  /** Where the link leads, from its own directory. */
  | { readonly target: string }
);
