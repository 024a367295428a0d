import { renderAppArmorJson } from './apparmor/render-json.ts';
import { type ContentOf, contentFor } from './kinds.ts';
import type { RuntimeKind, RuntimeProfile } from './profile.ts';
import { renderSeccompBytes } from './seccomp/write/render-json.ts';

const renderers: { readonly [Kind in RuntimeKind]: (content: ContentOf[Kind]) => Uint8Array } = {
  Seccomp: renderSeccompBytes,
  AppArmor: (profile) => new TextEncoder().encode(renderAppArmorJson(profile)),
};

/**
 * Writes a profile as the bytes that a runtime reads: runtime-spec JSON, or KEP-6061's AppArmor
 * JSON, in UTF-8. The same profile always gives the same bytes.
 *
 * @throws FairleadError ProfileInvalid for an AppArmor profile in complain mode, which the format
 * cannot express.
 */
export function renderProfile(profile: RuntimeProfile): Uint8Array {
  return render(profile.kind, profile);
}

function render<Kind extends RuntimeKind>(kind: Kind, profile: RuntimeProfile): Uint8Array {
  return renderers[kind](contentFor(kind, profile));
}
