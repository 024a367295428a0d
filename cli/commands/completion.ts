import { Argument, type Command } from 'commander';
import { bashCompletion } from '../definitions/bash-completion.ts';
import { describeCommand } from '../definitions/describe-command.ts';
import { fishCompletion } from '../definitions/fish-completion.ts';
import { zshCompletion } from '../definitions/zsh-completion.ts';
import { examples } from '../options/options.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `fairlead completion SHELL`. */
export function define(command: Command): void {
  command
    .description(
      'Print a script with which a shell completes commands, options, their values and files. It contains all of them, so ' +
        'that fairlead does not run at each completion: print it again after an upgrade. The packages for dpkg and rpm ' +
        'contain the scripts.',
    )
    .addArgument(new Argument('<shell>', 'shell that reads the script').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      examples([
        ['complete in this bash', 'source <(fairlead completion bash)'],
        ['complete in each new bash', 'fairlead completion bash > ~/.local/share/bash-completion/completions/fairlead'],
        [
          'complete in each new zsh, as root',
          'fairlead completion zsh > /usr/local/share/zsh/site-functions/_fairlead',
        ],
        ['complete in each new fish', 'fairlead completion fish > ~/.config/fish/completions/fairlead.fish'],
      ]),
    )
    .action((shell: keyof typeof shells) => {
      process.stdout.write(shells[shell](describeCommand(command.parent ?? command)));
    });
}
