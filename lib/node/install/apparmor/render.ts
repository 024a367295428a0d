import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { type PolicyOptions, policyText } from '#lib/profile/apparmor/render-policy';
import type { RenderedAppArmor } from './loader.ts';
import { nameByContent } from './profile-name.ts';

/**
 * Returns a profile as this node loads it: the policy with the runtime's default rules, under the
 * name that its content determines. Throws FairleadError ProfileInvalid for a path or capability
 * that is not valid.
 */
export function renderForNode(
  profile: AppArmorProfile,
  options: Pick<PolicyOptions, 'enforceDefaults'> = {},
): RenderedAppArmor {
  return nameByContent((name) => policyText(profile, { ...options, name }));
}
