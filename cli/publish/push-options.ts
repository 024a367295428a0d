import type { SignatureFormat } from '#lib/trust/signature/signature';
import type { RegistryOptions } from '../options/options.ts';
import type { SignerOptions } from '../options/signer.ts';
import type { OutputForm } from '../terminal/output.ts';

/** Values of the options of `fairlead push`. */
export interface PushOptions extends RegistryOptions, SignerOptions {
  readonly output: OutputForm | 'github';
  readonly project?: string;
  readonly version?: string;
  readonly tag?: string;
  readonly latest?: boolean;
  readonly allowOlder?: boolean;
  readonly subject?: string;
  readonly title?: string;
  readonly annotation?: Readonly<Record<string, string>>;
  readonly annotateFromCi?: boolean;
  readonly signatureFormat: SignatureFormat;
  readonly unsigned?: boolean;
  readonly provenance?: boolean;
  readonly policy?: string;
  readonly failOn?: 'loosened';
  /** URL of a push service. */
  readonly service?: string;
  readonly serviceToken?: string;
  readonly serviceAudience?: string;
  /** False for `--no-overwrite`. */
  readonly overwrite: boolean;
  readonly dryRun?: boolean;
}
