import { databases } from './databases.ts';
import { languages } from './languages.ts';
import { networkServices } from './network-services.ts';
import type { CatalogProgram } from './program.ts';
import { webServers } from './web-servers.ts';

/** Every program that examples/catalog has a profile for. */
export const catalogPrograms: readonly CatalogProgram[] = [
  ...webServers,
  ...databases,
  ...networkServices,
  ...languages,
].sort((left, right) => (left.name < right.name ? -1 : 1));
