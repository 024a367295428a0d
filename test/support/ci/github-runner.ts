import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run } from '../cli/run.ts';
import { commandsIn, readVariables, type WorkflowCommand } from './command-files.ts';
import { type Contexts, interpolate, interpolateAll, isMet, type Status } from './expressions.ts';
import { assertValid } from './github-schema.ts';

/** A step of a workflow or of a composite action. */
export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: unknown;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly 'working-directory'?: string;
  readonly 'continue-on-error'?: unknown;
}

interface Input {
  readonly default?: unknown;
  readonly required?: boolean;
}

interface Action {
  readonly inputs?: Readonly<Record<string, Input>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Job {
  readonly if?: unknown;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: { readonly workflow_call?: { readonly inputs?: Readonly<Record<string, Input>> } };
  readonly permissions?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** What a runner is started with. */
export interface RunnerOptions {
  /** For the work tree, the command files and the home directory; absent before. */
  readonly directory: string;
  /** Repositories that can be checked out, as OWNER/NAME, and where they are. */
  readonly repositories: Readonly<Record<string, string>>;
  /** The `github` context, without what the runner sets. */
  readonly github: Readonly<Record<string, unknown>> & { readonly repository: string; readonly sha: string };
  /** The repository and commit of the workflow; the caller may be in another one. */
  readonly workflow: { readonly repository: string; readonly sha: string };
  readonly secrets?: Readonly<Record<string, string>>;
  /** What the machine has in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where jobs with `id-token: write` get their tokens. */
  readonly tokens?: { readonly url: string; readonly bearer: string };
}

/** What a step or a job left behind. */
export interface StepResult {
  readonly name: string;
  readonly outcome: 'success' | 'failure' | 'skipped';
  readonly stdout: string;
  readonly stderr: string;
  readonly commands: readonly WorkflowCommand[];
  readonly summary: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/** What a job left behind. */
export interface JobResult {
  readonly result: 'success' | 'failure' | 'skipped';
  readonly steps: readonly StepResult[];
  readonly outputs: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, string>>;
}

/** What is gathered while a job runs. */
interface Running {
  readonly options: RunnerOptions;
  readonly workspace: string;
  readonly env: Record<string, string>;
  readonly path: string[];
  readonly contexts: Contexts;
  readonly results: StepResult[];
}

/** Reads a workflow, which must be valid by the schema of GitHub. */
export async function readWorkflow(file: string): Promise<Workflow> {
  const content = await readFile(file, 'utf8');
  assertValid('workflow', file, content);
  return parse(content) as Workflow;
}

/** Reads an action, which must be valid by the schema of GitHub. */
export async function readAction(directory: string): Promise<Action> {
  const file = join(directory, 'action.yml');
  const content = await readFile(file, 'utf8');
  assertValid('action', file, content);
  return parse(content) as Action;
}

/**
 * Runs the jobs of a reusable workflow, one after the other, as a runner of GitHub does: each
 * script in a bash of its own, with the command files, and actions that were checked out. Of the
 * actions of others it knows actions/checkout.
 */
export async function runWorkflow(
  file: string,
  inputs: Readonly<Record<string, unknown>>,
  options: RunnerOptions,
): Promise<Readonly<Record<string, JobResult>>> {
  const workflow = await readWorkflow(file);
  const known = workflow.on.workflow_call?.inputs ?? {};
  for (const name of Object.keys(inputs)) assert.ok(Object.hasOwn(known, name), `${file} has no input ${name}`);
  const results: Record<string, JobResult> = {};
  for (const [id, job] of Object.entries(workflow.jobs)) {
    const workspace = join(options.directory, id, 'workspace');
    const github = githubContext(options, workspace);
    const base: Contexts = { github, secrets: options.secrets ?? {}, needs: results, vars: {} };
    const given = Object.entries(known).map(([name, input]) => [name, inputs[name] ?? defaultOf(input, base)]);
    const contexts = { ...base, inputs: Object.fromEntries(given) };
    const permissions = job.permissions ?? workflow.permissions ?? {};
    results[id] = isMet(job.if, contexts, 'success')
      ? await runJob({ ...workflow.env, ...job.env }, job, { contexts, options, permissions, workspace })
      : { result: 'skipped', steps: [], outputs: {}, permissions };
  }
  return results;
}

function defaultOf({ default: value }: Input, contexts: Contexts): unknown {
  return typeof value === 'string' ? interpolate(value, contexts) : (value ?? '');
}

function githubContext({ github, directory }: RunnerOptions, workspace: string): Record<string, unknown> {
  return {
    server_url: 'https://github.com',
    actor: 'dev',
    run_id: '1',
    run_attempt: '1',
    ...github,
    workspace,
    event_path: join(directory, 'event.json'),
  };
}

async function runJob(
  env: Readonly<Record<string, unknown>>,
  { steps, outputs }: Job,
  job: {
    readonly contexts: Contexts;
    readonly options: RunnerOptions;
    readonly permissions: Readonly<Record<string, string>>;
    readonly workspace: string;
  },
): Promise<JobResult> {
  const { options, permissions, workspace } = job;
  const temp = join(workspace, '..', 'temp');
  const home = join(workspace, '..', 'home');
  for (const directory of [workspace, temp, home]) await mkdir(directory, { recursive: true });
  const github = job.contexts['github'] as Record<string, unknown>;
  await writeFile(String(github['event_path']), JSON.stringify(github['event'] ?? {}));
  const contexts = {
    ...job.contexts,
    runner: { temp, os: 'Linux', environment: 'github-hosted' },
    job: { status: 'success', workflow_repository: options.workflow.repository, workflow_sha: options.workflow.sha },
  };
  const running: Running = {
    options,
    workspace,
    env: {
      HOME: home,
      ...options.env,
      ...variablesOf(github, temp),
      ...(permissions['id-token'] === 'write' && options.tokens
        ? {
            ACTIONS_ID_TOKEN_REQUEST_URL: options.tokens.url,
            ACTIONS_ID_TOKEN_REQUEST_TOKEN: options.tokens.bearer,
          }
        : {}),
      ...interpolateAll(env, contexts),
    },
    path: [],
    contexts,
    results: [],
  };
  const { status, outputs: ofSteps } = await runSteps(steps, running, contexts);
  return {
    result: status,
    steps: running.results,
    outputs: interpolateAll(outputs, { ...contexts, steps: ofSteps }),
    permissions,
  };
}

/** Returns the variables of the runner, as scripts see them. */
function variablesOf(github: Record<string, unknown>, temp: string): Record<string, string> {
  const named = Object.entries(github).flatMap(([name, value]) =>
    typeof value === 'string' && name !== 'token' ? [[`GITHUB_${name.toUpperCase()}`, value]] : [],
  );
  return {
    ...Object.fromEntries(named),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: temp,
    RUNNER_ENVIRONMENT: 'github-hosted',
  };
}

type Outputs = Record<string, { readonly outputs: Readonly<Record<string, string>>; readonly outcome: string }>;

async function runSteps(
  steps: readonly Step[],
  running: Running,
  contexts: Contexts,
): Promise<{ readonly status: Status; readonly outputs: Outputs }> {
  const outputs: Outputs = {};
  let status: Status = 'success';
  for (const step of steps) {
    const now = { ...contexts, steps: outputs, env: running.env };
    const name = interpolate(step.name ?? step.uses ?? step.run?.split('\n')[0], now);
    let result: StepResult = {
      name,
      outcome: 'skipped',
      stdout: '',
      stderr: '',
      commands: [],
      summary: '',
      outputs: {},
    };
    if (isMet(step.if, now, status)) result = await runStep(name, step, running, now);
    running.results.push(result);
    if (step.id !== undefined) outputs[step.id] = { outputs: result.outputs, outcome: result.outcome };
    if (result.outcome === 'failure' && interpolate(step['continue-on-error'], now) !== 'true') status = 'failure';
  }
  return { status, outputs };
}

async function runStep(name: string, step: Step, running: Running, contexts: Contexts): Promise<StepResult> {
  const env = { ...running.env, ...interpolateAll(step.env, contexts) };
  if (step.run !== undefined) return runScript(name, step, { running, contexts, env });
  const uses = step.uses ?? '';
  const given = interpolateAll(step.with, contexts);
  const nothing = { name, stdout: '', stderr: '', commands: [], summary: '', outputs: {} };
  if (/^actions\/checkout@[0-9a-f]{40}$/.test(uses)) {
    await checkOut(given, running);
    return { ...nothing, outcome: 'success' };
  }
  assert.match(uses, /^\.\//, `the runner does not know the action ${uses}`);
  const directory = join(running.workspace, uses);
  const action = await readAction(directory);
  assert.equal(action.runs.using, 'composite');
  for (const input of Object.keys(given)) assert.ok(Object.hasOwn(action.inputs ?? {}, input), `no input ${input}`);
  const github = { ...(contexts['github'] as object), action_path: directory };
  const outer = { ...contexts, github };
  const inputs = Object.entries(action.inputs ?? {}).map(([input, definition]) => [
    input,
    given[input] ?? String(defaultOf(definition, outer)),
  ]);
  const inner = { ...outer, inputs: Object.fromEntries(inputs) };
  const within: Running = { ...running, env: { ...env, GITHUB_ACTION_PATH: directory }, results: [] };
  const { status, outputs } = await runSteps(action.runs.steps, within, inner);
  const values = Object.entries(action.outputs ?? {}).map(([output, { value }]) => [
    output,
    interpolate(value, { ...inner, steps: outputs }),
  ]);
  const all = (of: (result: StepResult) => string): string => within.results.map(of).join('');
  return {
    name,
    outcome: status,
    stdout: all(({ stdout }) => stdout),
    stderr: all(({ stderr }) => stderr),
    commands: within.results.flatMap(({ commands }) => commands),
    summary: all(({ summary }) => summary),
    outputs: Object.fromEntries(values),
  };
}

let scripts = 0;

async function runScript(
  name: string,
  step: Step,
  {
    running,
    contexts,
    env,
  }: { readonly running: Running; readonly contexts: Contexts; readonly env: Record<string, string> },
): Promise<StepResult> {
  scripts += 1;
  const directory = join(running.workspace, '..', 'temp', `script-${scripts}`);
  await mkdir(directory);
  const files = { GITHUB_OUTPUT: 'output', GITHUB_ENV: 'env', GITHUB_PATH: 'path', GITHUB_STEP_SUMMARY: 'summary' };
  const commandFiles = Object.entries(files).map(([variable, file]) => [variable, join(directory, file)] as const);
  for (const [, file] of commandFiles) await writeFile(file, '');
  const script = join(directory, 'script.sh');
  await writeFile(script, interpolate(step.run, contexts));
  // The runner's own commands for `shell: bash`, and for a step of a workflow without a shell.
  const options = step.shell === undefined ? ['-e'] : ['--noprofile', '--norc', '-e', '-o', 'pipefail'];
  const { code, stdout, stderr } = await run('bash', [...options, script], {
    cwd: join(running.workspace, interpolate(step['working-directory'], contexts)),
    env: {
      ...env,
      ...Object.fromEntries(commandFiles),
      PATH: [...running.path]
        .reverse()
        .concat(env['PATH'] ?? process.env['PATH'] ?? '')
        .join(':'),
    },
  });
  const read = (variable: keyof typeof files): string => join(directory, files[variable]);
  Object.assign(running.env, await readVariables(read('GITHUB_ENV')));
  running.path.push(...(await readFile(read('GITHUB_PATH'), 'utf8')).split('\n').filter((line) => line !== ''));
  return {
    name,
    outcome: code === 0 ? 'success' : 'failure',
    stdout,
    stderr,
    commands: commandsIn(stdout),
    summary: await readFile(read('GITHUB_STEP_SUMMARY'), 'utf8'),
    outputs: await readVariables(read('GITHUB_OUTPUT')),
  };
}

/** Does what actions/checkout does with these inputs, of a repository on this machine. */
async function checkOut(given: Readonly<Record<string, string>>, { options, workspace }: Running): Promise<void> {
  const { repository = options.github.repository, ref = options.github.sha, path = '.' } = given;
  const source = options.repositories[repository || options.github.repository];
  assert.ok(source !== undefined, `no repository ${repository}`);
  const directory = join(workspace, path);
  if (path !== '.' && existsSync(directory)) await rm(directory, { recursive: true });
  await mkdir(directory, { recursive: true });
  const git = (...args: string[]) => execFileSync('git', args, { cwd: directory, stdio: 'pipe' });
  git('init', '--quiet');
  const depth = given['fetch-depth'] === '0' ? [] : [`--depth=${given['fetch-depth'] ?? 1}`];
  const refs = depth.length === 0 ? ['+refs/heads/*:refs/remotes/origin/*'] : [];
  git('fetch', '--quiet', '--no-tags', ...depth, `file://${source}`, ref || options.github.sha, ...refs);
  git('checkout', '--quiet', '--force', '--detach', 'FETCH_HEAD');
}
