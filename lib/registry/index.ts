// The public surface of `fairlead/registry`. Inside Fairlead, import the files themselves.
export { type ErrorKind, FairleadError } from '#lib/errors';
export type { Env } from '#lib/programs/run-program';
export type { NetworkOptions } from '../network/network-options.ts';
export { type Proxies, proxyFromEnvironment } from '../network/proxy.ts';
export type { Timeouts } from '../network/timeouts.ts';
export type { Retry } from '../network/transport.ts';
export { cachedRepository } from './cache.ts';
export { type CopyOptions, copy, copyGraph } from './copy.ts';
export {
  type AuthConfig,
  authConfigCredentials,
  type CredentialSource,
  type Credentials,
} from './credentials/credentials.ts';
export { dockerConfigCredentials, parseDockerConfig, registryCredentials } from './credentials/find-credentials.ts';
export { kubeletProviderCredentials } from './credentials/kubelet-provider.ts';
export { eraseCredentials, saveCredentials } from './credentials/save-credentials.ts';
export {
  type Descriptor,
  emptyConfigBytes,
  type Index,
  type Manifest,
  mediaTypes,
  type Platform,
} from './descriptor.ts';
export { type Digest, type DigestAlgorithm, digestOf, digestParts, isDigest, parseDigest } from './digest.ts';
export { fetchBytes } from './fetch-bytes.ts';
export { loadArchive, saveArchive } from './layout/archive.ts';
export { layoutRepository } from './layout/repository.ts';
export { isManifestMediaType, manifestBytesLimit, parseIndex, parseManifest } from './manifest.ts';
export { memoryRepository } from './memory.ts';
export type { ConfirmingPusher, ManifestResolver, ResolvedManifest, TaggedPusher } from './one-request.ts';
export { formatReference, formatRepository, parseReference, type Reference, tagOrDigestOf } from './reference.ts';
export { remoteCatalog } from './remote/catalog.ts';
export { machineOptions } from './remote/machine-options.ts';
export { type RemoteOptions, type RemoteRepository, remoteRepository } from './remote/repository.ts';
export type {
  CallOptions,
  Collector,
  Content,
  Deleter,
  Fetcher,
  LookupOptions,
  Pusher,
  ReadTarget,
  ReferrerLister,
  ReferrerOptions,
  Repository,
  Resolver,
  Tagger,
  TagLister,
  Target,
} from './target.ts';
export { verifiedStream } from './verified-stream.ts';
