/**
 * Options of the functions below the CLI, as their messages name them in backticks, and the flags
 * that set them.
 */
export const flagOfOption: Readonly<Record<string, string>> = {
  allowUnsigned: '--allow-unsigned',
  clientCa: '--client-ca',
  document: '--document',
  "form: 'runtime'": '--to runtime',
  format: '--from',
  "format: 'legacy'": '--signature-format legacy',
  imageCredentialProviderBinDir: '--image-credential-provider-bin-dir',
  imageCredentialProviderConfig: '--image-credential-provider-config',
  kind: '--kind',
  kubeconfig: '--kubeconfig',
  listen: '--listen',
  name: '--name',
  plainHttp: '--plain-http',
  policy: '--policy',
  provenance: '--provenance',
  runtime: '--runtime',
  seccompRoot: '--seccomp-root',
  skip: '--skip',
  state: '--state',
  trustedRealms: '--trust-realm',
};

/**
 * Returns a message or hint of a function for users of the CLI: `plainHttp`, in backticks, becomes
 * --plain-http. Other words in backticks stay as they are.
 */
export function withFlags(text: string): string {
  return text.replace(/`([^`]+)`/g, (whole, option: string) =>
    Object.hasOwn(flagOfOption, option) ? (flagOfOption[option] ?? whole) : whole,
  );
}

/** The same for what lint found. */
export function findingWithFlags<F extends { readonly message: string }>(finding: F): F {
  return { ...finding, message: withFlags(finding.message) };
}
