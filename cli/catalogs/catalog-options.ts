import type { Command } from 'commander';
import { environmentOption } from '../options/environment.ts';
import { addRegistryOptions, type RegistryOptions } from '../options/options.ts';
import { addReadingTrustOptions, type ReadingTrustOptions } from '../options/pull-policy.ts';

/** Values of the options that addCatalogOptions adds. */
export interface CatalogOptions extends ReadingTrustOptions, RegistryOptions {
  readonly catalog?: readonly string[];
  readonly catalogs?: string;
}

/** Adds the options that specify catalogs, and what they must meet. */
export function addCatalogOptions(command: Command): Command {
  command
    .option(
      '--catalog <reference>',
      'use this catalog, or the one with this name in the configuration; can be repeated (default: all of the configuration)',
      (reference: string, gathered: readonly string[] = []) => [...gathered, reference],
    )
    .addOption(
      environmentOption(
        '--catalogs <file>',
        'configuration that names catalogs (default: ~/.config/fairlead/catalogs.yaml)',
        {
          variable: 'FAIRLEAD_CATALOGS',
          others: [],
        },
      ),
    );
  addReadingTrustOptions(command);
  return addRegistryOptions(command);
}
