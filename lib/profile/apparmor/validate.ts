import { FairleadError } from '#lib/errors';
import { globsOf } from './access.ts';
import { automatonOf } from './glob/automaton.ts';
import { fullBudget } from './glob/budget.ts';
import { surplusStates } from './glob/union-automaton.ts';
import type { AppArmorProfile } from './model.ts';
import { capabilities, limits } from './vocabulary.ts';

/**
 * States that a policy's automaton may have beyond those of its paths one by one. apparmor_parser needs some seconds for
 * 2000, and a minute and more for 8000, which one path of fifteen characters can ask for.
 */
const mostSurplusStates = 1500;

/**
 * Checks what a profile must hold to be published, pulled or loaded: paths that say what they mean and cannot leave their
 * place in a policy, known capabilities, wildcards that apparmor_parser compiles in seconds, and groups that can be compared.
 *
 * @throws FairleadError ProfileInvalid naming the path or capability.
 */
export function validateAppArmor(profile: AppArmorProfile): void {
  const paths = pathsOf(profile);
  if (paths.length > limits.paths) {
    throw new FairleadError('ProfileInvalid', `the profile has ${paths.length} paths, more than ${limits.paths}`);
  }
  for (const name of profile.capability?.allowedCapabilities ?? []) {
    if (!capabilities.has(name))
      throw new FairleadError('ProfileInvalid', `unknown capability ${JSON.stringify(name)}`);
  }
  const wide = globsOf(paths).filter(({ literal }) => !literal);
  const unclear = wide.find((glob) => automatonOf(glob) === undefined);
  if (unclear !== undefined) {
    const message = `path ${JSON.stringify(unclear.text)}: too many groups that may be empty follow each other`;
    throw new FairleadError('ProfileInvalid', message, { hint: 'Write several paths in its place.' });
  }
  const hint = 'Begin the paths with the folders that are meant, and use fewer "**" followed by "?", "*" or classes.';
  const tooWide = wide.find((glob) => surplusStates([glob], mostSurplusStates, { left: fullBudget }) === undefined);
  if (tooWide !== undefined) {
    const message = `path ${JSON.stringify(tooWide.text)}: apparmor_parser would take minutes for its wildcards`;
    throw new FairleadError('ProfileInvalid', message, { hint });
  }
  if (surplusStates(wide, mostSurplusStates, { left: fullBudget }) === undefined) {
    const message = `apparmor_parser would take minutes for the wildcards of the ${wide.length} paths together`;
    throw new FairleadError('ProfileInvalid', message, { hint });
  }
}

function pathsOf({ executable, filesystem }: AppArmorProfile): readonly string[] {
  return [
    ...(executable?.allowedExecutables ?? []),
    ...(executable?.allowedLibraries ?? []),
    ...(filesystem?.readOnlyPaths ?? []),
    ...(filesystem?.writeOnlyPaths ?? []),
    ...(filesystem?.readWritePaths ?? []),
  ];
}
