import type { FairleadError } from '#lib/errors';
import type { PublishRequest } from '#services/push/publication';
import type { ProjectPlaces, ProjectSigner } from '../project/project.ts';

/** One profile that a command line or a project file asks to publish. */
export interface RequestedProfile {
  /** Names it in the results. */
  readonly name: string;
  /** Its path; - is stdin. */
  readonly file: string;
  /** Why it may not be read, if a directory names it, such as a link that leads out of it. */
  readonly refused?: FairleadError | undefined;
  readonly request: PublishRequest;
  /** Who signs it, unless the command line says who does. */
  readonly signer?: ProjectSigner | undefined;
  /** Path of its trust policy. */
  readonly policy?: string | undefined;
  /** Where a project names these files; undefined for each that the command line names. */
  readonly places?: { readonly [File in keyof ProjectPlaces]: string | undefined } | undefined;
}

/** What a command line asks to publish. */
export interface RequestedProfiles {
  readonly profiles: readonly RequestedProfile[];
  /** True if it names one file and its reference. */
  readonly isSingle: boolean;
}
