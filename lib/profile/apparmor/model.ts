/** Whether the kernel refuses what the profile does not permit, or only logs it. */
export type AppArmorMode = 'Enforce' | 'Complain';

/**
 * A structured AppArmor profile: KEP-6061's artifact format and `spec.abstract` of the Security
 * Profiles Operator's AppArmorProfile, as one value. An absent section is unspecified: it permits
 * everything and leaves the decision to what it is intersected with. A section that is there
 * permits what it lists and nothing else; an empty one, nothing. A profile that was read from an
 * AppArmorProfile has all sections. Paths are AppArmor globs (apparmor.d(5), "Globbing") as the
 * author wrote them; they have been validated.
 */
export interface AppArmorProfile {
  readonly mode: AppArmorMode;
  readonly executable?: ExecutableRules;
  readonly filesystem?: FilesystemRules;
  readonly network?: NetworkRules;
  readonly capability?: CapabilityRules;
}

/** What the program may execute and map as code. */
export interface ExecutableRules {
  /** May be executed under the same profile, mapped and read: `ixr`. */
  readonly allowedExecutables: readonly string[];
  /** May be mapped as code and read: `mr`. */
  readonly allowedLibraries: readonly string[];
}

/** What the program may do with which files. */
export interface FilesystemRules {
  /** `r` */
  readonly readOnlyPaths: readonly string[];
  /** `wlk`: writing, creating, removing, linking, locking. */
  readonly writeOnlyPaths: readonly string[];
  /** `rwlk` */
  readonly readWritePaths: readonly string[];
}

/** Which sockets the program may open. */
export interface NetworkRules {
  readonly allowRaw: boolean;
  readonly allowTcp: boolean;
  readonly allowUdp: boolean;
}

/** Which capabilities the program may use. */
export interface CapabilityRules {
  /** Lower case, without `CAP_`: `net_bind_service`. */
  readonly allowedCapabilities: readonly string[];
}
