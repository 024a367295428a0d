import type { Command } from 'commander';
import { addOutputOption, examples, type OutputOptions } from '../options/options.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead logout REGISTRY`. */
export function define(command: Command): void {
  command
    .description(
      "Forget the password for a registry: in the credential helper that Docker's config.json names, or in that file.",
    )
    .argument('<registry>', 'host or host:port, as it was logged in to');
  addOutputOption(command)
    .addHelpText('after', examples([['log out', 'fairlead logout registry.example.com']]))
    .action(logout);
}

async function logout(registry: string, options: OutputOptions): Promise<void> {
  const { eraseCredentials } = await import('#lib/registry/credentials');
  const forgotten = await eraseCredentials(process.env, registry);
  writeResult(options.output, {
    json: () => ({ registry, forgotten }),
    text: () => (forgotten ? `logged out of ${registry}` : `nothing was kept for ${registry}`),
  });
}
