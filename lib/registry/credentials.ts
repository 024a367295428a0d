// The door of credentials/.
export {
  type AuthConfig,
  authConfigCredentials,
  type CredentialSource,
  type Credentials,
} from './credentials/credentials.ts';
export { dockerConfigCredentials, parseDockerConfig, registryCredentials } from './credentials/find-credentials.ts';
export { kubeletProviderCredentials } from './credentials/kubelet-provider.ts';
export type { Env } from './credentials/run-program.ts';
export { eraseCredentials, saveCredentials } from './credentials/save-credentials.ts';
