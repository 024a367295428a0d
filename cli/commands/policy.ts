import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { define as defineCheck } from './policy-check.ts';
import { define as defineImport } from './policy-import.ts';
import { define as defineTest } from './policy-test.ts';

/** `fairlead policy check|test|import`. */
export function define(command: Command): void {
  command
    .description(
      'Work with trust policies, which specify who may publish what. The guide docs/guides/trust-policy.md describes the file.',
    )
    .addHelpText(
      'after',
      examples([
        ['show what a policy requires', 'fairlead policy check policy.yaml'],
        ['explain why an artifact is refused', 'fairlead policy test policy.yaml ghcr.io/acme/profiles/nginx:1.27'],
        ['import the policy of Podman or CRI-O', 'fairlead policy import /etc/containers/policy.json'],
      ]),
    );
  defineCheck(command.command('check'));
  defineTest(command.command('test'));
  defineImport(command.command('import'));
}
