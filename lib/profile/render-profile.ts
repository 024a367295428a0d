import { renderAppArmorJson } from './apparmor/render-json.ts';
import type { RuntimeProfile } from './profile.ts';
import { renderSeccompBytes } from './seccomp/write/render-json.ts';

/**
 * Writes a profile as the bytes that a runtime reads: runtime-spec JSON, or KEP-6061's AppArmor
 * JSON, in UTF-8. The same profile always gives the same bytes.
 *
 * @throws FairleadError ProfileInvalid for an AppArmor profile in complain mode, which the format
 * cannot say.
 */
export function renderProfile(profile: RuntimeProfile): Uint8Array {
  switch (profile.kind) {
    case 'Seccomp':
      return renderSeccompBytes(profile.seccomp);
    case 'AppArmor':
      return new TextEncoder().encode(renderAppArmorJson(profile.apparmor));
  }
}
