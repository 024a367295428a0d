/** An AppArmor profile as this node loads it. */
export interface RenderedAppArmor {
  /** Its name in the kernel, which its content determines (see profile-name.ts). */
  readonly name: string;
  /** The policy, as apparmor_parser reads it. */
  readonly text: string;
}

/**
 * Loads AppArmor profiles into the kernel of this node and unloads them: Fairlead's own, never
 * others. All methods throw FairleadError Unavailable if the loader cannot be reached, does not
 * answer in time or lacks a privilege, and NotFound if the node has no AppArmor; both are `local`.
 * They reject with the reason of the signal when that aborts.
 */
export interface AppArmorLoader {
  /**
   * Loads a profile; one that is loaded is loaded again. Throws FairleadError InvalidInput if the
   * text is not as Fairlead renders it, or the name is not that of the text; ProfileInvalid if
   * apparmor_parser refuses it; LimitExceeded if it is too large, or takes too long to compile.
   */
  load(profile: RenderedAppArmor, signal: AbortSignal): Promise<void>;
  /**
   * Unloads a profile; one that is not loaded is no error. The processes of a profile become
   * unconfined when it is unloaded: throws FairleadError Conflict while a process is confined by
   * it. A container that is created and not started is not such a process: the caller must not
   * unload what a container refers to. Throws InvalidInput for a name that is not Fairlead's.
   */
  unload(name: string, signal: AbortSignal): Promise<void>;
  /** Returns the names of the loaded profiles that are Fairlead's, in order. */
  list(signal: AbortSignal): Promise<readonly string[]>;
}
