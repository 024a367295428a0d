import type { PublishRequest } from '#services/push/publication';
import type { ProjectSigner } from '../project/project.ts';

/** One profile that a command line or a project file asks to publish. */
export interface RequestedProfile {
  /** Names it in the results. */
  readonly name: string;
  /** Its path; - is stdin. */
  readonly file: string;
  /** The directory that names it, and its path there: it may not be a link that leads out. */
  readonly inDirectory?: { readonly directory: string; readonly path: string } | undefined;
  readonly request: PublishRequest;
  /** Who signs it, unless the command line says who does. */
  readonly signer?: ProjectSigner | undefined;
  /** Path of its trust policy. */
  readonly policy?: string | undefined;
}

/** What a command line asks to publish. */
export interface RequestedProfiles {
  readonly profiles: readonly RequestedProfile[];
  /** True if it names one file and its reference. */
  readonly isSingle: boolean;
}
