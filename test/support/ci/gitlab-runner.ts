import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type Finished, run } from '../cli/run.ts';

interface ComponentInput {
  readonly default?: unknown;
  readonly type?: 'string' | 'boolean' | 'number' | 'array';
  readonly options?: readonly unknown[];
}

/** A job of a GitLab pipeline. */
export interface GitlabJob {
  readonly stage: string;
  readonly image: string;
  readonly rules: readonly { readonly if: string }[];
  readonly variables?: Readonly<Record<string, string | { readonly value: string; readonly expand?: boolean }>>;
  readonly id_tokens?: Readonly<Record<string, { readonly aud: string }>>;
  readonly resource_group?: string;
  readonly script: readonly string[];
  readonly artifacts?: {
    readonly when?: string;
    readonly paths?: readonly string[];
    readonly reports?: Readonly<Record<string, readonly string[]>>;
  };
}

/** Reads a component with these inputs, as GitLab includes it. */
export async function readComponent(
  file: string,
  inputs: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, GitlabJob>>> {
  const [header = '', body = ''] = (await readFile(file, 'utf8')).split(/^---$/m);
  const { spec } = parse(header) as { readonly spec: { readonly inputs: Readonly<Record<string, ComponentInput>> } };
  for (const name of Object.keys(inputs)) assert.ok(Object.hasOwn(spec.inputs, name), `there is no input ${name}`);
  const text = body.replace(/\$\[\[ inputs\.([\w-]+) \]\]/g, (_, name: string) => {
    const definition = spec.inputs[name] ?? assert.fail(`the component has no input ${name}`);
    const value = inputs[name] ?? definition.default;
    assert.notEqual(value, undefined, `the input ${name} is required`);
    assert.equal(typeof value, definition.type ?? 'string', name);
    if (definition.options !== undefined) assert.ok(definition.options.includes(value), `${name} is ${value}`);
    return String(value);
  });
  assert.doesNotMatch(text, /\$\[\[/);
  return parse(text) as Readonly<Record<string, GitlabJob>>;
}

/** Returns whether a job is in a pipeline with these variables. */
export function isInPipeline({ rules }: GitlabJob, variables: Readonly<Record<string, string>>): boolean {
  const read = (word: string): string | undefined =>
    word.startsWith('$') ? variables[word.slice(1)] : (JSON.parse(word) as string);
  return rules.some(({ if: condition }) =>
    condition.split(' && ').every((comparison) => {
      const [left = '', operator, right = ''] = comparison.split(' ');
      assert.ok(operator === '==' || operator === '!=', `the runner does not know ${comparison}`);
      return (read(left) === read(right)) === (operator === '==');
    }),
  );
}

/** Runs the script of a job in a work tree, as GitLab's runner does with this shell. */
export async function runGitlabJob(
  job: GitlabJob,
  {
    shell,
    cwd,
    variables,
  }: { readonly shell: string; readonly cwd: string; readonly variables: Readonly<Record<string, string>> },
): Promise<Finished> {
  const own = Object.entries(job.variables ?? {}).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : value.value,
  ]);
  const setup = 'if set -o | grep pipefail > /dev/null; then set -o pipefail; fi\nset -o errexit\nset +o noclobber\n';
  const env = { CI: 'true', GITLAB_CI: 'true', ...variables, ...Object.fromEntries(own) };
  return run(shell, ['-c', `${setup}${job.script.join('\n')}`], { cwd, env });
}
