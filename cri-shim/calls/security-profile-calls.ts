import {
  ListSecurityProfileArtifactsResponseSchema,
  ListSecurityProfilesResponseSchema,
  PullSecurityProfileArtifactRequestSchema,
  PullSecurityProfileArtifactResponseSchema,
  PullSecurityProfileRequestSchema,
  PullSecurityProfileResponseSchema,
  RemoveSecurityProfileArtifactRequestSchema,
  RemoveSecurityProfileArtifactResponseSchema,
  RemoveSecurityProfileRequestSchema,
  RemoveSecurityProfileResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';

/**
 * The calls of KEP-6061, by their full names and with their messages, and the feature of Status by
 * which a runtime reports that it serves them; the numbers of the fields are in cri.proto. `text`
 * is what the text of the KEP names. `preview` is what the code that followed names: its numbers
 * are not released, so that it is served only on request, and its feature is not read. Once the
 * proto is released, its names and numbers replace those of `preview`, and the request is not
 * needed any more.
 */
export const securityProfileCalls = {
  text: {
    feature: 'securityProfileOciArtifact',
    pull: {
      method: 'runtime.v1.ImageService/PullSecurityProfileArtifact',
      request: PullSecurityProfileArtifactRequestSchema,
      response: PullSecurityProfileArtifactResponseSchema,
    },
    list: {
      method: 'runtime.v1.ImageService/ListSecurityProfileArtifacts',
      response: ListSecurityProfileArtifactsResponseSchema,
    },
    remove: {
      method: 'runtime.v1.ImageService/RemoveSecurityProfileArtifact',
      request: RemoveSecurityProfileArtifactRequestSchema,
      response: RemoveSecurityProfileArtifactResponseSchema,
    },
  },
  preview: {
    pull: {
      method: 'runtime.v1.ImageService/PullSecurityProfile',
      request: PullSecurityProfileRequestSchema,
      response: PullSecurityProfileResponseSchema,
    },
    list: {
      method: 'runtime.v1.ImageService/ListSecurityProfiles',
      response: ListSecurityProfilesResponseSchema,
    },
    remove: {
      method: 'runtime.v1.ImageService/RemoveSecurityProfile',
      request: RemoveSecurityProfileRequestSchema,
      response: RemoveSecurityProfileResponseSchema,
    },
  },
} as const;

/** Which names a call has. */
export type CallNames = keyof typeof securityProfileCalls;
