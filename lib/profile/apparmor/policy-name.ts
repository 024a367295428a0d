import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { reservedNames } from './vocabulary.ts';

/**
 * Checks the name under which a policy is to be loaded: it cannot leave its quotes, has no other
 * meaning, and is not reserved for another policy.
 *
 * @throws FairleadError InvalidInput for an invalid name.
 */
export function checkPolicyName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) {
    throw new FairleadError('InvalidInput', `invalid name ${quote(name, 128)} for an AppArmor profile`, {
      hint: 'Use at most 128 letters, digits, "_", "-" and ".", and begin with a letter or digit.',
    });
  }
  if (reservedNames.has(name)) {
    throw new FairleadError('InvalidInput', `the AppArmor profile name ${name} belongs to the kernel or a runtime`, {
      hint: 'Choose another name: loading this one would replace theirs.',
    });
  }
}
