// The public surface of `fairlead/artifact`. Inside Fairlead, import the files themselves.
export {
  type Artifact,
  type Blob,
  type ProfileArtifact,
  type ProfileLayout,
  profileMediaTypes,
} from './artifact.ts';
export { type FetchLimits, fetchArtifact } from './fetch-artifact.ts';
export { type PackOptions, packArtifact } from './pack-artifact.ts';
export { pushArtifact } from './push-artifact.ts';
export { unpackArtifact } from './unpack-artifact.ts';
