import type { Command } from 'commander';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { addVerbosityOptions } from '../options/verbosity.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead logout REGISTRY`. */
export function define(command: Command): void {
  command
    .description(
      "Remove the password of a registry from the credential helper of Docker's config.json, or from that file.",
    )
    .argument('<registry>', 'host[:port] of the registry, as for fairlead login');
  addVerbosityOptions(addOutputOption(command))
    .addHelpText('after', examples([['log out', 'fairlead logout registry.example.com']]))
    .action(logout);
}

async function logout(registry: string, options: OutputOptions): Promise<void> {
  const { eraseCredentials } = await import('#lib/registry/credentials/save-credentials');
  const forgotten = await eraseCredentials(process.env, registry);
  writeResult('logout', options.output, {
    json: () => ({ registry, forgotten }),
    text: () => (forgotten ? `logged out of ${registry}` : `not logged in to ${registry}`),
    quiet: () => '',
  });
}
