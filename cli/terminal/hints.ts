import { nameOptions } from '#lib/text/name-options';

/**
 * Options of the functions below the CLI, as their hints name them in backticks, and the flags that
 * set them.
 */
export const flagOfOption: Readonly<Record<string, string>> = {
  allowUnsigned: '--allow-unsigned',
  audience: '--audience',
  authorization: '--authorization',
  clientCa: '--client-ca',
  document: '--document',
  failOn: '--fail-on',
  "form: 'runtime'": '--to runtime',
  format: '--from',
  "format: 'legacy'": '--signature-format legacy',
  imageCredentialProviderBinDir: '--image-credential-provider-bin-dir',
  imageCredentialProviderConfig: '--image-credential-provider-config',
  kind: '--kind',
  kubeconfig: '--kubeconfig',
  listen: '--listen',
  name: '--name',
  overwrite: '--no-overwrite',
  plainHttp: '--plain-http',
  platform: '--platform',
  policy: '--policy',
  policyOptional: '--policy-optional',
  predicateType: '--type',
  provenance: '--provenance',
  runtime: '--runtime',
  skip: '--skip',
  state: '--state',
  tag: '--tag',
  tlsCert: '--tls-cert',
  tlsKey: '--tls-key',
  trustedRealms: '--trust-realm',
  version: '--version',
};

/**
 * Returns the hint of a function for users of the CLI: `plainHttp`, in backticks, becomes
 * --plain-http. Messages are not rewritten, only hints: they quote text of others.
 */
export function withFlags(hint: string): string {
  return nameOptions(hint, flagOfOption);
}

/**
 * Returns the hint for users of an OCI layout directory: each command in backticks that reads or
 * changes an artifact gets --oci-layout, and cosign, which cannot sign there, is not proposed.
 */
export function forLayout(hint: string, directory: string): string {
  const quotedOrCommand =
    /"(?:[^"\\]|\\.)*"|(, or with `cosign sign [^`]*`)|`(fairlead (?:attest|delete|inspect|ls|referrers|sign|tag|untag) [^`]*)`/g;
  return hint.replace(quotedOrCommand, (whole, cosign?: string, command?: string) => {
    if (cosign !== undefined) return '';
    return command === undefined ? whole : `\`${command}${layoutFlag(directory)}\``;
  });
}

/** Returns the option for an OCI layout directory, after a blank, or '' for a registry. */
export function layoutFlag(directory: string | undefined): string {
  return directory === undefined ? '' : ` --oci-layout ${shellWord(directory)}`;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
