/** Returns who signed an artifact that the policy allows, as text. */
export function signersText(signers: readonly string[]): string {
  return signers.join(', ') || 'none: the rule requires no signature';
}
