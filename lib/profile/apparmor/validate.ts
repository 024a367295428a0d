import { FairleadError } from '#lib/errors';
import { globsOf } from './access.ts';
import { automatonOf } from './glob/automaton.ts';
import { fullBudget, type GlobBudget, spend } from './glob/budget.ts';
import { surplusStates } from './glob/union-automaton.ts';
import type { AppArmorProfile } from './model.ts';
import { capabilities, limits } from './vocabulary.ts';

/**
 * States that a policy's automaton may have beyond those of its paths one by one. apparmor_parser
 * needs some seconds for 2000, and a minute and more for 8000, which one path of fifteen characters
 * can ask for.
 */
const mostSurplusStates = 1500;

/**
 * Checks what a profile must hold to be published, pulled or loaded: paths that are unambiguous and
 * cannot leave their place in a policy, known capabilities, wildcards that apparmor_parser compiles
 * in seconds, and groups that can be compared.
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
  const hint = 'Begin the paths with specific directories, and use fewer "**" followed by "?", "*" or classes.';
  // One for all: to look at a path can take hundreds of times what it takes for most.
  const budget: GlobBudget = { left: fullBudget };
  for (const glob of wide) {
    const path = `path ${JSON.stringify(glob.text)}`;
    const automaton = automatonOf(glob);
    if (automaton === undefined) {
      throw new FairleadError('ProfileInvalid', `${path}: too many groups that may be empty follow each other`, {
        hint: 'Write several paths instead.',
      });
    }
    if (spend(budget, automaton.size) && surplusStates([glob], mostSurplusStates, budget) !== undefined) continue;
    if (budget.left < 0 && glob !== wide[0]) break;
    throw new FairleadError('ProfileInvalid', `${path}: apparmor_parser would take minutes for its wildcards`, {
      hint,
    });
  }
  if (budget.left < 0 || surplusStates(wide, mostSurplusStates, budget) === undefined) {
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
