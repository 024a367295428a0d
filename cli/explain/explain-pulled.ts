import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import { formatReference } from '#lib/registry/reference';
import { oneLine } from '../terminal/output.ts';

/**
 * Describes in lines what was pulled and why it is allowed: the rule, the signatures, and their
 * keys or identities.
 *
 * @param options `ruled` is false if a key was given instead of a policy: there is no rule to show.
 */
export function explainPulled(
  { reference, descriptor, profile, verification }: PulledProfile,
  { ruled = true }: { readonly ruled?: boolean } = {},
): string {
  const lines = [
    `verified   ${formatReference(reference)}`,
    `kind       ${profile.kind}`,
    `digest     ${descriptor.digest}`,
    ...(ruled ? [`rule       ${verification.rule}`] : []),
  ];
  if (verification.unsigned) lines.push('signature  none: the rule has "unsigned: true"');
  for (const { attestation, format, manifest, key, keyFingerprint, certificate } of verification.signatures) {
    if (attestation === undefined) lines.push(`signature  ${manifest} (${format})`);
    else lines.push(`attested   ${attestation} in ${manifest}`);
    if (certificate === undefined) lines.push(`key        ${key} (SHA-256 ${keyFingerprint})`);
    else lines.push(oneLine(`identity   ${certificate.identity} (issuer ${certificate.issuer})`));
  }
  return lines.join('\n');
}
