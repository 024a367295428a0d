import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { define as defineBindings } from './cluster-bindings.ts';
import { define as defineCoverage } from './cluster-coverage.ts';
import { define as defineOutdated } from './cluster-outdated.ts';
import { define as defineWhy } from './cluster-why.ts';

/** `fairlead cluster why|coverage|bindings|outdated`. */
export function define(command: Command): void {
  command
    .description(
      'Show which profiles the pods of a Kubernetes cluster run under, and why. Nothing is changed. Under the name kubectl-fairlead, ' +
        'the program is a plugin of kubectl that has these commands: kubectl fairlead why POD.',
    )
    .addHelpText(
      'after',
      examples([
        ['explain the profiles of a pod', 'fairlead cluster why nginx-0 -n web'],
        ['show what pods run under', 'fairlead cluster coverage -A'],
        ['list bindings and their pods', 'fairlead cluster bindings -n web'],
        ['show what to restart after an update', 'fairlead cluster outdated -A'],
      ]),
    );
  defineWhy(command.command('why'));
  defineCoverage(command.command('coverage'));
  defineBindings(command.command('bindings'));
  defineOutdated(command.command('outdated'));
}
