import { renderAppArmorJson } from './apparmor/render-json.ts';
import type { RuntimeProfile } from './profile.ts';
import { seccompJson } from './seccomp/render-json.ts';

/**
 * Writes a profile as the bytes that a runtime reads: runtime-spec JSON, or KEP-6061's AppArmor JSON, in UTF-8. The same
 * profile always gives the same bytes.
 *
 * @throws FairleadError ProfileInvalid for an AppArmor profile in complain mode, which the format cannot say.
 */
export function renderProfile(profile: RuntimeProfile): Uint8Array {
  return encoded(profile.kind === 'Seccomp' ? seccompJson(profile.seccomp) : [renderAppArmorJson(profile.apparmor)]);
}

/** Encodes a text piece by piece. Joined as a whole first, a mebibyte of pieces would take ten times as much. */
function encoded(pieces: Iterable<string>): Uint8Array {
  const encoder = new TextEncoder();
  const chunks: Uint8Array[] = [];
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < 32_768) continue;
    chunks.push(encoder.encode(text));
    text = '';
  }
  const last = encoder.encode(text);
  if (chunks.length === 0) return last;
  chunks.push(last);
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
