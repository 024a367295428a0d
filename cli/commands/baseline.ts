import type { Command } from 'commander';
import { renderSeccompJson } from '#lib/profile/seccomp/render-json';
import { runtimeDefault } from '#lib/profile/seccomp/runtime-default';
import { addOutputOption, examples, type OutputOptions } from '../options.ts';
import { addContainerOptions, type ContainerOptions } from '../profile-file.ts';

/** `fairlead baseline`. */
export function define(command: Command): void {
  addContainerOptions(
    command.description(
      'Print the seccomp profile that container runtimes apply under RuntimeDefault, for one container: it depends on ' +
        'the machine and on the capabilities. Every profile from a registry is intersected with it on the node.',
    ),
  );
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['of a container that asks for nothing', 'fairlead baseline > runtime-default.json'],
        [
          'of one with more capabilities, on arm64',
          'fairlead baseline --capabilities default,SYS_ADMIN --architecture arm64',
        ],
        ['what does a profile allow beyond it?', 'fairlead baseline | fairlead diff - nginx.json'],
      ]),
    )
    .action(baseline);
}

function baseline({ output, ...container }: ContainerOptions & OutputOptions): void {
  const content = renderSeccompJson(runtimeDefault(container));
  const result = { kind: 'Seccomp', form: 'runtime', ...container, content };
  process.stdout.write(output === 'json' ? `${JSON.stringify(result, undefined, 2)}\n` : content);
}
