import { FairleadError } from '#lib/errors';
import { type Inherit, SELF, type SelinuxProfile } from './model.ts';
import { allowMap, grants, inheritedBlocks, inheritKey, isGranted, rules, uniqueInherits } from './rules.ts';

/** One thing that a combination of profiles does not have, although an input has it. */
export interface SelinuxConstraint {
  /** `allow var_log_t file write`, `inherit System net_container`, or `mode`. */
  readonly subject: string;
  /**
   * Indices of the inputs that do not have it, or may mean another type by its name than the first
   * one.
   */
  readonly inputs: readonly number[];
  /**
   * False if less may be left than all inputs permit: only the node knows what an inherited policy
   * permits, and it could be what another input allows by a rule.
   */
  readonly exact: boolean;
}

/**
 * Returns the profile that permits what all of `profiles` permit. A rule stays if every input has
 * it; a policy to inherit from stays if every input inherits from it. Targets are compared by name:
 * an attribute meets only itself, so the result may permit less than it could, never more. If an
 * input stands on a policy that may declare types, and the others do not, the same name may be
 * another type: then no rule for other targets than the process stays.
 *
 * @param profiles at least one; the result has the name of the first.
 * @throws FairleadError ProfileInvalid if the inputs share no policy that declares their process.
 */
export function intersectSelinux(profiles: readonly [SelinuxProfile, ...SelinuxProfile[]]): {
  readonly profile: SelinuxProfile;
  readonly constraints: readonly SelinuxConstraint[];
} {
  const constraints: SelinuxConstraint[] = [];
  const inherits = profiles.map((profile) => inheritedBlocks(profile));
  const sameInherits = inherits.every((list) => list.map(inheritKey).join() === inherits[0]?.map(inheritKey).join());
  const lacking = (has: (index: number) => boolean): number[] => [...profiles.keys()].filter((index) => !has(index));

  const inherit = uniqueInherits(inherits.flat()).filter((candidate) => {
    const inputs = lacking(
      (index) => inherits[index]?.some((own) => inheritKey(own) === inheritKey(candidate)) ?? false,
    );
    if (inputs.length > 0) constraints.push({ subject: `inherit ${inheritKey(candidate)}`, inputs, exact: false });
    return inputs.length === 0;
  });
  const stands = (list: readonly Inherit[]): boolean =>
    list.some(({ kind, name }) => kind === 'SelinuxProfile' || name === 'container');
  if (!stands(inherit)) {
    throw new FairleadError(
      'ProfileInvalid',
      `the SELinux profiles ${profiles.map(({ name }) => name).join(' and ')} inherit from no common policy: ${uniqueInherits(inherits.flat()).map(inheritKey).join(', ')}`,
      { hint: 'Let all of them inherit from one policy that declares the process, e.g. container.' },
    );
  }

  // Names are looked up in a block first: under another block that declares types, a target may be
  // another type.
  const others = inherits.flat().filter((own) => !inherit.some((kept) => inheritKey(kept) === inheritKey(own)));
  const meanTheSame = others.every(({ kind, name }) => kind === 'System' && typeless.test(name));

  const maps = profiles.map(rules);
  const all = allowMap(maps.flatMap((map) => [...grants(map)]));
  const kept = [...grants(all)].filter((grant) => {
    const inputs = lacking((index) => maps[index] !== undefined && isGranted(maps[index], grant));
    // A permissive input permits what it does not list.
    const exact = sameInherits && inputs.every((index) => profiles[index]?.mode === 'Enforcing');
    const isKept = inputs.length === 0 && (meanTheSame || grant[0] === SELF);
    if (!isKept) {
      const lacking = inputs.length > 0 ? inputs : [...profiles.keys()].slice(1);
      constraints.push({ subject: `allow ${grant.join(' ')}`, inputs: lacking, exact: exact && meanTheSame });
    }
    return isKept;
  });

  const enforcing = lacking((index) => profiles[index]?.mode === 'Permissive');
  if (enforcing.length > 0 && enforcing.length < profiles.length) {
    constraints.push({ subject: 'mode', inputs: enforcing, exact: true });
  }
  const mode = enforcing.length === 0 ? 'Permissive' : 'Enforcing';
  return { profile: { kind: 'SELinux', name: profiles[0].name, mode, inherit, allow: allowMap(kept) }, constraints };
}

/** Policies that declare no types: udica's templates other than `container`. */
const typeless = /^(?:(?:net|restricted_net|tty|virt|x)|(?:config|home|log|tmp)(?:_rw|_manage)?)_container$/;
