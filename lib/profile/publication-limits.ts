/** What nodes accept at most of a published profile; a trust policy may set other limits. */
export interface PublicationLimits {
  /** Most bytes. */
  readonly artifactBytes: number;
  /** Most entries of a seccomp profile that name the same syscall. */
  readonly entriesPerSyscall: number;
}

/** The limits that KEP-6061 names. */
export const defaultPublicationLimits: PublicationLimits = { artifactBytes: 1024 * 1024, entriesPerSyscall: 128 };
