import type { Constraint, EffectiveInputs, EffectiveProfile } from '../constraint.ts';
import { inputsInOrder } from '../constraint.ts';
import { intersectSelinux } from './intersect.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './model.ts';
import { structured } from './structured.ts';

/**
 * Returns the intersection of the node's baseline, the pod's base profile and the artifact, which
 * has the artifact's name, and in which respects it is stricter than the artifact.
 *
 * @throws FairleadError InvalidInput naming a raw profile that has more than rules, and what it
 * has; ProfileInvalid if the profiles inherit from no common policy.
 */
export function effectiveSelinux(
  inputs: EffectiveInputs<SelinuxProfile | RawSelinuxProfile>,
): EffectiveProfile<SelinuxProfile> {
  const others = inputsInOrder(inputs).slice(0, -1);
  const { profile, constraints: found } = intersectSelinux([
    structured(inputs.artifact),
    ...others.map((each) => structured(each.profile)),
  ]);
  const constraints = found
    .filter((each) => !each.inputs.includes(0))
    .flatMap(({ subject, inputs: lacking, exact }) =>
      lacking.map((index): Constraint => {
        const [from, to] = subject === 'mode' ? ['Permissive', 'Enforcing'] : ['permitted', 'denied'];
        return { subject, input: others[index - 1]?.input ?? 'artifact', from, to, exact };
      }),
    );
  return { profile, constraints };
}
