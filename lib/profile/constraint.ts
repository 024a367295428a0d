/** The profiles that hold for one container, in the order of KEP-6061. */
export type ProfileInput = 'baseline' | 'base' | 'artifact';

/** How an artifact holds that is not enforced: what it does not allow is only logged. */
export type ProfileMode = 'Log';

/** The profiles that hold for one container. Each is optional. */
export interface EffectiveInputs<Profile> {
  /** What the node's policy or its runtime asks for. */
  readonly baseline?: Profile;
  /** What the pod asks for beside the artifact. */
  readonly base?: Profile;
  readonly artifact: Profile;
  /** How the artifact holds; absent if it is enforced. The others always are. */
  readonly mode?: ProfileMode;
}

/** What holds for a container, and in which respects it is stricter than the artifact. */
export interface EffectiveProfile<Profile> {
  readonly profile: Profile;
  /** If the artifact is not enforced, those of the profile that would be. */
  readonly constraints: readonly Constraint[];
  /**
   * What an artifact that is only logged refuses as a whole, and no log shows as such, because the
   * format cannot express it. Seccomp: the architectures whose programs it would not run.
   */
  readonly unlogged?: readonly string[];
}

/** One respect in which the effective profile is stricter than what the artifact asked for. */
export interface Constraint {
  /**
   * Seccomp: a syscall's name, `defaultAction`, `architectures`, `flags` or `listener`. AppArmor:
   * `mode`, `executable`, `filesystem`, `network`, `capability`, or one access: `read /path`,
   * `network tcp`, `capability kill`.
   */
  readonly subject: string;
  /** The input that constrained it. */
  readonly input: ProfileInput;
  /** What the artifact asked for, to be shown: `SCMP_ACT_ALLOW`. */
  readonly from: string;
  /** What applies instead. */
  readonly to: string;
  /**
   * False if the result is stricter than every input, because the format cannot express the exact
   * result.
   */
  readonly exact: boolean;
}

/** Returns the inputs that are there, in the order in which they count: the artifact last. */
export function inputsInOrder<Profile>({
  baseline,
  base,
  artifact,
}: EffectiveInputs<Profile>): readonly { readonly input: ProfileInput; readonly profile: Profile }[] {
  return [
    ...(baseline === undefined ? [] : [{ input: 'baseline' as const, profile: baseline }]),
    ...(base === undefined ? [] : [{ input: 'base' as const, profile: base }]),
    { input: 'artifact', profile: artifact },
  ];
}

/** Returns the inputs with each changed, the artifact first. */
export function mapInputs<From, To>(
  { baseline, base, artifact, mode }: EffectiveInputs<From>,
  change: (profile: From) => To,
): EffectiveInputs<To> {
  return {
    artifact: change(artifact),
    ...(mode !== undefined && { mode }),
    ...(baseline !== undefined && { baseline: change(baseline) }),
    ...(base !== undefined && { base: change(base) }),
  };
}
