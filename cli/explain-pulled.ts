import type { PulledProfile } from '#lib/node/pull-profile';
import { formatReference } from '#lib/registry/reference';

/** Says in lines what was pulled and why it may be used: which rule, which signature, which key. */
export function explainPulled({ reference, descriptor, profile, verification }: PulledProfile): string {
  const lines = [
    `verified   ${formatReference(reference)}`,
    `kind       ${profile.kind}`,
    `digest     ${descriptor.digest}`,
    `rule       ${verification.rule}`,
  ];
  if (verification.unsigned) lines.push('signature  none: the rule says "unsigned: true"');
  for (const { format, manifest, key, keyFingerprint } of verification.signatures) {
    lines.push(`signature  ${manifest} (${format})`, `key        ${key} (SHA-256 ${keyFingerprint})`);
  }
  return lines.join('\n');
}
