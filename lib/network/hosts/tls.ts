/** Which certificates TLS with one host trusts and shows; all PEM. */
export interface Tls {
  /** Authorities that are trusted besides those of the system. */
  readonly authorities: readonly string[];
  /** Client certificates (with the chain) and their keys. */
  readonly identities: readonly { readonly certificate: string; readonly key: string }[];
  /** Trust any certificate: only if a configuration file asks for that. */
  readonly skipVerify: boolean;
}
