import type { CatalogSigner } from '#lib/catalog/entry';

/** Names of keys by their fingerprints, as the trust policy of the site names them. */
export type KeyNames = ReadonlyMap<string, string>;

/** Issuers whose identities are workflows: the address of a repository, and what runs in it. */
const forges: readonly { issuer: string; host: string; name: string }[] = [
  { issuer: 'https://token.actions.githubusercontent.com', host: 'https://github.com/', name: 'GitHub' },
  { issuer: 'https://gitlab.com', host: 'https://gitlab.com/', name: 'GitLab' },
];

/** Returns the signer that a value of the filter stands for; undefined for profiles without one. */
export function signerOf(value: string): CatalogSigner | undefined {
  if (value.startsWith('key:')) return { key: value.slice(4) };
  const space = value.lastIndexOf(' ');
  return space < 0 ? undefined : { identity: value.slice(0, space), issuer: value.slice(space + 1) };
}

/** Returns how a signer is called in lists: `key release.pub`, `acme/profiles on GitHub`. */
export function signerLabel(signer: CatalogSigner | undefined, keyNames: KeyNames): string {
  if (signer === undefined) return 'no known signer';
  if ('key' in signer) return `key ${keyNames.get(signer.key) ?? signer.key.slice(0, 12)}`;
  const { issuer, identity } = signer;
  const forge = forges.find((known) => known.issuer === issuer && identity.startsWith(known.host));
  if (forge === undefined) return identity;
  const [repository = identity] = identity.slice(forge.host.length).split(/\/\/|\/\.github\/|@/);
  return `${repository} on ${forge.name}`;
}
